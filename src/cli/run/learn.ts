import { learn } from "../../loop/learn.ts";
import { EXIT } from "../../model/codes.ts";
import { newId, openWorkspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { LearnOptions } from "../commands/learn.ts";
import { printJson, type Io } from "../io.ts";

/** `whetstone learn`. */
export async function runLearn(options: LearnOptions, io: Io): Promise<number> {
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, options.target);
  const { value, reasons } = await learn({ workspace, id: newId("r", workspace.clock), actor: localActor() });
  if (options.json) printJson(io, { reasons, rules: value.rules, explanation: value.explanation });
  else for (const line of value.explanation) io.out(`${line}\n`);
  return EXIT.pass;
}
