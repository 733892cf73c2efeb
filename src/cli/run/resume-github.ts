import { join } from "node:path";
import { letGoOn } from "../../app/stop/stop.ts";
import { EXIT } from "../../model/codes.ts";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { resumedText } from "../../protect/stop/tell.ts";
import { newId, systemClock, WORK_FOLDER } from "../../wire.ts";
import { openRepository } from "../../wire-app.ts";
import { type Io, printJson } from "../io.ts";
import { rootWithoutGit } from "../protection.ts";
import { githubPerson, type GitHubPerson } from "./github-person.ts";

/** What goes on where: `OWNER/REPO`. */
export type ResumeOnGitHub = { readonly named: string; readonly json?: boolean };

/**
 * `whetstone resume --github`: lifts a stop on GitHub and switches on exactly what it had switched off; needs no clone. The
 * permission is asked for, granted and used up in the name of the account that the token belongs to, as by `/whetstone
 * resume`: GitHub has to say that it administers the repository, and `protection` of the default branch holds. 0 when all of it
 * succeeded or nothing was stopped, 1 otherwise.
 * @throws WhetstoneError `usage`, `unauthorized`; `stopped` while the variable is set; `api_failed`
 */
export async function resumeGitHub({ named, json }: ResumeOnGitHub, io: Io): Promise<number> {
  const done = await letRepositoryGoOn(await githubPerson(named, "resumed", io), rootWithoutGit(io.cwd));
  const { complete, lifted, on, failures, stoppedAgain } = done;
  if (json === true) printJson(io, { stopped: stoppedAgain, complete, lifted, on, failures });
  else io.out(`${resumedText(done)}\n`);
  return complete ? EXIT.pass : EXIT.fail;
}

/** What {@link resumeGitHub} does; the flag in the folder `root` is lifted as well. */
export async function letRepositoryGoOn(person: Omit<GitHubPerson, "token" | "apiUrl">, root: string) {
  const { owner, repo, client, login, actor } = person;
  if (actor.type !== "person") throw notHere("Only a person can let a repository go on.");
  const here = join(root, WORK_FOLDER);
  const run = newId("resume", systemClock);
  // No App acts here: id 0 is nobody's.
  const self = { appId: 0, login };
  const repository = openRepository({ owner, repo, self, client, clock: systemClock, folder: here, here, run });
  return await permitted(letGoOn({ repository, clock: systemClock, event: { id: run } }, { by: actor }));
}

/** What the person lacks somebody else may have, but only where people speak with each other. */
async function permitted<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === "unauthorized") throw notHere(messageOf(error), error);
    throw error;
  }
}

function notHere(message: string, cause?: unknown): WhetstoneError {
  const data = cause instanceof WhetstoneError ? cause.data : { reason: "role_missing" };
  return new WhetstoneError("unauthorized", message, {
    remedy: "Write `/whetstone resume` in an issue of the repository; there somebody else can permit it.",
    ...(cause === undefined ? {} : { cause }),
    data,
  });
}
