import type { AskedRun } from "../../model/asked-run.ts";
import { readAskedRun } from "../../protect/asked-runs.ts";
import { baseSubject } from "../../protect/authorization/subject.ts";
import { assertPermit } from "../../protect/permit.ts";
import { grantHere } from "../approval/grant.ts";
import type { Answer, AppCommand, CommandContext } from "../command.ts";
import { refusedAnswer } from "./answers.ts";
import { startLoop } from "./loop-run.ts";
import { targetOf } from "./target.ts";

/** A recorded session: a file of the repository, by a path without tricks. */
export const SESSION_FORM = {
  pattern: /^replay:(?!\/|(?:.*\/)?\.\.(?:\/|$))[\w./-]{1,200}$/,
  says: "write replay:FILE, the path of a recorded session in the repository",
} as const;

/**
 * `/whetstone refine`: a run of the loop that goes on to a change and its pull request. A session of Claude Code needs the
 * permission `session.refine`; it is asked for, granted and used here, and the run is told its id, never a token.
 */
export const refine: AppCommand = {
  word: "refine",
  summary: "starts a run that proposes a change for the worst finding of a target",
  on: "anything",
  parameters: [
    { name: "target", kind: "word" },
    { name: "session", kind: "option", form: SESSION_FORM },
  ],
  run: async (context) => {
    const target = await targetOf(context);
    const session = context.values["session"] ?? "claude";
    const inputs = { target, mode: "refinement", session };
    if (session !== "claude") return await startLoop(context, { word: "refine", target, inputs, permission: null });
    const permission = await permissionFor(context, target);
    if ("state" in permission) return permission;
    return await startLoop(context, { word: "refine", target, inputs, permission });
  },
};

type Permission = NonNullable<AskedRun["permission"]>;

/** The permission for the target as it stands; one that an earlier attempt of this comment used up stays. */
async function permissionFor(context: CommandContext, target: string): Promise<Permission | Answer> {
  const { repository, by, event, place } = context;
  const before = await readAskedRun(await repository.state.view(), place.comment);
  if (before?.permission) return before.permission;
  const { sha } = await repository.forge.head();
  const subject = baseSubject(target, sha);
  const granted = await grantHere(repository, { operation: "session.refine", target, subject, by, run: event.id });
  if (granted.kind === "refused") return refusedAnswer("refine", granted);
  assertPermit(granted.permit, "session.refine");
  return { authorization: granted.permit.authorization ?? "", baseSha: sha };
}
