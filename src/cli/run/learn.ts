import { executeWording } from "../../loop/execute-wording.ts";
import type { WordingEnd } from "../../loop/word-rules.ts";
import { assertBacked, assertDrawn } from "../../loop/backed.ts";
import { confirmHeld, describeHeld } from "../../loop/held.ts";
import { learn, readKnown } from "../../loop/learn.ts";
import { pendingRules, proposeRules } from "../../loop/propose-rules.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { LearningReport } from "../../model/learning.ts";
import { readAssignments } from "../../protect/assignments.ts";
import { readOutcomes } from "../../protect/outcomes.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { readSession } from "../../session/replay.ts";
import { readRuleFiles } from "../../session/rules.ts";
import { newId, openSpanStore, openWorkspace, type Workspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { LearnOptions } from "../commands/learn.ts";
import { printJson, type Io } from "../io.ts";
import { stageProgress } from "../progress.ts";
import { type SessionSource, sessionSource } from "../session-source.ts";
import { cellTable, metricTable } from "../rule-rows.ts";

/** `whetstone learn`: what was seen, what follows, how sure it is, and what it takes to know more. */
export async function runLearn(options: LearnOptions, io: Io): Promise<number> {
  const source = await whoWords(options, io);
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, options.target);
  const view = await workspace.state.view();
  await assertBacked(view, await readOutcomes(view, workspace.targetName));
  const target = workspace.targetName;
  await assertDrawn(view, { target, assignments: await readAssignments(view, target) });
  const run = { workspace, id: newId("r", workspace.clock), actor: localActor() };
  const checked = await checkHeld(run, options, io);
  const { value: learned } = await learn(run);
  const worded = source === undefined ? undefined : await word(run, { source, options }, io);
  const value = { ...learned, explanation: [...checked, ...learned.explanation, ...describeWording(worded)] };
  const branch = options.propose === true ? await propose(run, value) : undefined;
  const opened = options.propose === true ? { branch: branch ?? null } : {};
  const wording = worded && { session: worded.session.id, worded: worded.worded, notAsked: worded.notAsked };
  if (options.json) printJson(io, { ...value, ...opened, ...(wording && { wording }) });
  else print(io, value, { asked: options.propose === true, branch });
  return EXIT.pass;
}

type Run = { readonly workspace: Workspace; readonly id: string; readonly actor: ReturnType<typeof localActor> };

/** @throws WhetstoneError `usage`; `session_invalid` for a recording that is none */
async function whoWords(options: LearnOptions, io: Io): Promise<SessionSource | undefined> {
  const { session, budgetUsd, propose: asked } = options;
  if (session === undefined && budgetUsd === undefined) return undefined;
  if (asked === true && session !== undefined) {
    const source = await sessionSource({ session, ...(budgetUsd && { budgetUsd }) }, io);
    if ("recording" in source) await readSession(source.recording);
    return source;
  }
  throw new WhetstoneError("usage", "A session words rules that are proposed: --session goes with --propose.", {
    remedy: "Add --propose, and --session claude or --session replay:FILE.",
  });
}

type Asked = { readonly source: SessionSource; readonly options: LearnOptions };

/** Has one session word the learned rules that no commit has. */
async function word(run: Run, { source, options }: Asked, io: Io): Promise<WordingEnd | undefined> {
  const { candidates, existing, outcomes } = await readKnown(run.workspace);
  const files = await readRuleFiles(run.workspace.root);
  const known = new Set(files.map(({ id }) => id));
  const rules = pendingRules(candidates, files).filter(({ id, worded }) => !known.has(id) && worded === undefined);
  const progress = stageProgress(io);
  progress.started("session");
  try {
    const note = (line: string): void => io.err(`${line}\n`);
    const places = { ...options, cwd: io.cwd };
    const request = { rules, existing, outcomes, source, note, progress: progress.step };
    return await executeWording(run, { ...request, places, env: io.env });
  } finally {
    progress.stop();
  }
}

function describeWording(end: WordingEnd | undefined): string[] {
  if (end === undefined) return [];
  const { session, worded, notAsked } = end;
  const lines = worded.map(({ rule, taken, why }) =>
    taken ? `${rule} has the words of session ${session.id}.` : `${rule} keeps the words of its pattern: ${why}.`,
  );
  const cut = session.partial ? [`Session ${session.id} was cut off by a limit; no words of it are taken.`] : [];
  const none = lines.length + cut.length === 0 ? [`Session ${session.id} had no better words for any rule.`] : [];
  const rest = notAsked.length === 0 ? [] : [`Not asked for want of room: ${notAsked.join(", ")}.`];
  return [...cut, ...none, ...lines, ...rest];
}

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
  io.out(`${countOf(outcomes, "outcome")} of ${target}.\n\n`);
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
