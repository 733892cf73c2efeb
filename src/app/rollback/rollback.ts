import type { CommitSha } from "../../model/json.ts";
import type { Actor } from "../../model/ledger.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { HandlerContext } from "../handler.ts";

/** What is asked for: the number of the pull request that was merged, and why it is to be undone. */
export type RollBackRequest = { readonly pull: number; readonly by: Actor; readonly why: string };

/** What became of it. `said` is Markdown for the conversation; all foreign text in it has passed the sanitiser. */
export type RolledBack =
  | {
      /** A pull request that takes the change back stands; `deployed` where the last known good version was started besides. */
      readonly kind: "proposed";
      readonly pull: { readonly number: number; readonly url: string };
      readonly deployed: CommitSha | undefined;
      readonly said: string;
    }
  /** Nothing is prepared: later changes stand in the way, and people were told. */
  | { readonly kind: "blocked"; readonly said: string }
  /** There is nothing to take back: not merged, not Whetstone's, or gone already. */
  | { readonly kind: "nothing"; readonly said: string };

/** Takes a merged proposal back. */
export function rollBack(_context: Pick<HandlerContext, "repository">, request: RollBackRequest): Promise<RolledBack> {
  return Promise.reject(new WhetstoneError("defect", `The rollback of #${request.pull} is not built yet.`));
}
