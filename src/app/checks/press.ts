import type { Actor } from "../../model/ledger.ts";
import type { CommandContext } from "../command.ts";
import { refine } from "../commands/refine.ts";
import { startCanary } from "../gate/canary.ts";
import type { HandlerContext } from "../handler.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { rollBack } from "../rollback/rollback.ts";
import { BUTTONS, type ButtonName } from "./stage-check.ts";

/** A button that somebody pressed who may. */
export type Press = {
  readonly button: ButtonName;
  readonly pull: number;
  /** The commit whose check run has the button. */
  readonly sha: string;
  /** Id of the check run. */
  readonly check: number;
  readonly by: Actor;
};

/** The button of an identifier; undefined for one that is not ours. */
export function buttonOf(identifier: string): ButtonName | undefined {
  return Object.hasOwn(BUTTONS, identifier) ? (identifier as ButtonName) : undefined;
}

/** Ids of check runs as ids of comments, among which none of them lies. */
const BEYOND_COMMENTS = 2 ** 52;

/**
 * Does what a button says, as the command of the same meaning does it; returns what to tell people, as Markdown.
 * @throws WhetstoneError `api_failed`: to be tried again; `stopped`, `usage`
 */
export async function press(context: HandlerContext, { button, pull, sha, check, by }: Press): Promise<string> {
  switch (button) {
    case "start-canary": {
      const head = (await proposalOfPull(context.repository, pull))?.pull.headSha;
      if (head !== sha) return `The button is of ${sha.slice(0, 12)}, which is not what stands here now.`;
      return (await startCanary(context, { pull, by })).said;
    }
    case "roll-back":
      return (await rollBack(context, { pull, by, why: "asked for by the button of a check run" })).said;
    case "approve-refinement": {
      const target = (await proposalOfPull(context.repository, pull))?.target;
      if (target === undefined) return "This is no pull request of Whetstone on record.";
      const place = { conversation: pull, isPull: true, comment: BEYOND_COMMENTS + check };
      const command: CommandContext = { ...context, by, place, values: { target }, commands: [] };
      return (await refine.run(command)).body;
    }
  }
}
