import { resolve } from "node:path";
import { selectTarget } from "../../config/read.ts";
import { gitText } from "../../github/git.ts";
import type { AuthorizationRequest, Subject } from "../../model/authorization.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { isRunning } from "../../model/stop.ts";
import { assertMayGrant, grantAuthorization } from "../../protect/authorization/grant.ts";
import { ensureKey } from "../../protect/authorization/keys.ts";
import { announceTo } from "../../protect/authorization/ports.ts";
import { requestAuthorization } from "../../protect/authorization/request.ts";
import { baseSubject, changeSubject } from "../../protect/authorization/subject.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { stopSubject } from "../../protect/kill-switch.ts";
import { needsAuthorization, operationOf, type ProtectedOperation } from "../../protect/operations.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { newId, systemClock, systemRandom } from "../../wire.ts";
import type { GrantOptions, RequestOptions } from "../commands/authorize.ts";
import { describeAuthorization } from "../authorization-text.ts";
import { digestOfFile } from "../file-digest.ts";
import { type Io, printJson } from "../io.ts";
import { type CliProtection, openCliProtection } from "../protection.ts";

/** `whetstone authorize request`. */
export async function runRequest(name: string, options: RequestOptions, io: Io): Promise<number> {
  const operation = operationOf(name);
  if (!needsAuthorization(operation)) {
    throw new WhetstoneError("usage", `${name} needs no authorization.`, { remedy: "Just do it." });
  }
  const protection = await openCliProtection(options, io);
  const target = targetOf(operation, options, protection);
  const request = await requestAuthorization(protection.desk, {
    id: newId("a", systemClock),
    operation,
    target,
    subject: await subjectOf({ operation, options, protection, target, io }),
    impact: {
      summary: options.impact ?? `${name} of ${target}`,
      affects: [operation.affects],
      rollback: operation.rollback,
    },
    requestedBy: options.for === undefined ? protection.actor : { type: "person", id: options.for },
    // Who asks in another's name may not grant it either where two are needed.
    author: options.author ?? (options.for === undefined ? null : protection.actor.id),
    random: systemRandom,
  });
  await announceTo((line) => io.err(`${forTerminal(line)}\n`)).requested(request);
  if (options.json) printJson(io, request);
  else io.out(describeAuthorization({ request, standing: "pending" }));
  return EXIT.pass;
}

function targetOf({ name }: ProtectedOperation, { target }: RequestOptions, { config }: CliProtection): string {
  if (name === "resume") return "all";
  if (name === "backup.restore") return "store";
  if (config !== undefined) return selectTarget(config, target).name;
  if (target !== undefined) return target;
  throw new WhetstoneError("usage", "No target is named, and there is no whetstone.yaml.", {
    remedy: "Name it with --target.",
  });
}

type Choice = {
  readonly operation: ProtectedOperation;
  readonly options: RequestOptions;
  readonly protection: CliProtection;
  readonly target: string;
  readonly io: Io;
};

/** What exactly is to be permitted: the stop that stands, a patch, or the target at a commit. */
async function subjectOf({ operation, options, protection, target, io }: Choice): Promise<Subject> {
  if (operation.name === "resume") {
    const state = await protection.killSwitch.look();
    if (!isRunning(state)) return stopSubject(state);
    throw new WhetstoneError("usage", "Nothing is stopped, so there is nothing to resume.", {
      remedy: "`whetstone doctor` shows the kill switch.",
    });
  }
  const file = options.patch ?? options.file;
  if (file !== undefined) return changeSubject(await digestOfFile(resolve(io.cwd, file)));
  if (operation.name === "backup.restore") {
    throw new WhetstoneError("usage", "Which backup is to be restored is not said.", {
      remedy: "Name it: whetstone authorize request backup.restore --file BACKUP",
    });
  }
  const commit = `${options.base ?? "HEAD"}^{commit}`;
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", commit];
  const sha = await gitText({ args, cwd: protection.root, okCodes: [0, 1] });
  if (sha !== "") return baseSubject(target, sha);
  throw new WhetstoneError("usage", `${options.base ?? "HEAD"} is no commit of this repository.`, {
    remedy: "Name a commit with --base, or a change with --patch.",
  });
}

/** `whetstone authorize grant`: the token goes to standard output or into a file, everything else to standard error. */
export async function runGrant(id: string, options: GrantOptions, io: Io): Promise<number> {
  const { desk, keys, actor } = await openCliProtection(options, io);
  await assertMayGrant(desk, { id, by: actor });
  const file = options.out === undefined ? undefined : resolve(io.cwd, options.out);
  // Tried first: a token that cannot be written would be lost.
  if (file !== undefined) await writeFileWhole(file, "", { mode: 0o600 });
  const { state, clock } = desk;
  const key = await ensureKey({ state, clock, folder: keys, owner: actor, random: systemRandom });
  const { token, authorization } = await grantAuthorization(desk, { id, by: actor, key });
  if (file !== undefined) await writeFileWhole(file, `${token}\n`, { mode: 0o600 });
  if (options.json) printJson(io, { ...(file === undefined ? { token } : { file }), authorization });
  else {
    io.err(describeAuthorization({ request: authorization.request, standing: "granted" }));
    io.out(file === undefined ? `${token}\n` : `The token is in ${forTerminal(file)}.\n`);
    const where = file === undefined ? "It is shown only now." : "Only you can read the file; do not commit it.";
    io.err(`It works once, for ${describeUser(authorization.request)}. ${where}\n`);
  }
  return EXIT.pass;
}

function describeUser({ requestedBy }: AuthorizationRequest): string {
  return `${requestedBy.type} ${forTerminal(requestedBy.id)}`;
}
