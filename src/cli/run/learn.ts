import { assertBacked } from "../../loop/backed.ts";
import { confirmHeld, describeHeld } from "../../loop/held.ts";
import { learn, readKnown } from "../../loop/learn.ts";
import { pendingRules, proposeRules } from "../../loop/propose-rules.ts";
import { EXIT } from "../../model/codes.ts";
import type { LearningReport } from "../../model/learning.ts";
import { readOutcomes } from "../../protect/outcomes.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { readRuleFiles } from "../../session/rules.ts";
import { newId, openSpanStore, openWorkspace, type Workspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { LearnOptions } from "../commands/learn.ts";
import { printJson, type Io } from "../io.ts";
import { cellTable, metricTable } from "../rule-rows.ts";

/** `whetstone learn`: what was seen, what follows, how sure it is, and what it takes to know more. */
export async function runLearn(options: LearnOptions, io: Io): Promise<number> {
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, options.target);
  const view = await workspace.state.view();
  await assertBacked(view, await readOutcomes(view, workspace.targetName));
  const run = { workspace, id: newId("r", workspace.clock), actor: localActor() };
  const checked = await checkHeld(run, options, io);
  const { value: learned } = await learn(run);
  const value = { ...learned, explanation: [...checked, ...learned.explanation] };
  const branch = options.propose === true ? await propose(run, value) : undefined;
  const opened = options.propose === true ? { branch: branch ?? null } : {};
  if (options.json) printJson(io, { ...value, ...opened });
  else print(io, value, { asked: options.propose === true, branch });
  return EXIT.pass;
}

type Run = { readonly workspace: Workspace; readonly id: string; readonly actor: ReturnType<typeof localActor> };

/** Promoted changes whose time has come, looked at in the store's traffic. */
async function checkHeld(run: Run, options: LearnOptions, io: Io): Promise<string[]> {
  const open = () => openSpanStore({ ...options, cwd: io.cwd }, io.env, run.workspace.config);
  return (await confirmHeld(run, open)).map(describeHeld);
}

/** A branch with what waits on the state branch. */
async function propose(run: Run, { explanation }: LearningReport): Promise<string | undefined> {
  const known = await readKnown(run.workspace);
  const files = await readRuleFiles(run.workspace.root);
  const rules = pendingRules(known.candidates, files);
  const why = explanation.filter((line) => rules.some(({ id }) => line.includes(id)));
  return (await proposeRules(run, { rules, files, why, now: known.now }))?.branch;
}

type Opened = { readonly asked: boolean; readonly branch: string | undefined };

function print(io: Io, { target, outcomes, explanation, cells, metrics }: LearningReport, opened: Opened): void {
  io.out(`${outcomes} outcomes of ${target}.\n\n`);
  for (const line of explanation) io.out(`${forTerminal(line)}\n`);
  if (cells.length > 0) io.out(`\n${cellTable(cells)}`);
  io.out(`\n${metricTable(metrics)}`);
  if (!opened.asked) return;
  io.out(
    opened.branch === undefined
      ? "\nNo rule waits for a commit.\n"
      : `\nProposed on ${opened.branch}; nothing of it is in force before it is merged.\n`,
  );
}
