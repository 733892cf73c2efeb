/** Real documents for test/schemas.test.ts that a run of the loop on the sample project does not leave. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { approvalFile } from "../src/app/approval/approval-record.ts";
import { waitingFile } from "../src/app/approval/waiting.ts";
import { explanationFile } from "../src/app/commands/explanation.ts";
import { type GateRecord, updateGate } from "../src/app/gate/record.ts";
import { addPeriod, emptyHistory, judgePeriod, ratesOf } from "../src/canary/live-aa.ts";
import { judgeCanary } from "../src/canary/judge.ts";
import { judgeAgainstItself } from "../src/canary/aa.ts";
import { advance, startRollout, type RolloutEvent } from "../src/canary/rollout.ts";
import type { Rollout } from "../src/canary/rollout-record.ts";
import { DeploymentSettings } from "../src/config/deployment.ts";
import { LearningSettings } from "../src/config/learning.ts";
import { openMemoryState } from "../src/github/memory-state.ts";
import type { StateStore } from "../src/github/state-port.ts";
import { learn } from "../src/loop/learn.ts";
import { planOf } from "../src/loop/rollout/open.ts";
import { stateRollouts } from "../src/loop/rollout/records.ts";
import { drawRules } from "../src/loop/rules.ts";
import { reportShadow } from "../src/loop/shadow-report.ts";
import type { CallResult, CallSample } from "../src/model/call.ts";
import type { Json } from "../src/model/json.ts";
import { formatInstant, manualClock } from "../src/model/time.ts";
import { askedRunFile } from "../src/protect/asked-runs.ts";
import { recordDeployment, recordRollback } from "../src/propose/revert/record.ts";
import { appendOutcome } from "../src/protect/outcomes.ts";
import { sweepStop } from "../src/protect/stop/sweep.ts";
import { openBudgetDesk, readDay } from "../src/session/budget/desk.ts";
import { budgetReport } from "../src/session/budget/report.ts";
import { createRandom } from "../src/stats/random.ts";
import type { Workspace } from "../src/wire.ts";
import { fingerprint, outcome } from "./learn/outcomes.ts";
import { rule } from "./learn/rules.ts";
import { ACTOR } from "./loop/real-run.ts";
import { evidence } from "./propose/parts.ts";
import { openWorld } from "./protect/stop/world.ts";
import { LIMITS, NOW } from "./session/budget/limits.ts";
import { temporaryFolder } from "./support/git-repository.ts";

/** A JSON document, where it was found, and the name of the schema that it should keep. */
export type Document = { readonly schema: string; readonly from: string; readonly value: Json };

/** What the files of a dossier and of the state branch are; those without a schema hold the inputs of verdicts. */
const KINDS: readonly (readonly [RegExp, string | undefined])[] = [
  [/^(?:dossiers\/[^/]+\/)?manifest\.json$/, "dossier"],
  [/^(?:session\/record|sessions\/[^/]+)\.json$/, "session"],
  [/^proposal\.json$/, "proposal"],
  [/^evidence\/evidence\.json$/, "evidence"],
  [/^validation\/report\.json$/, "validation"],
  [/^canary\/verdict\.json$/, "canary"],
  [/^outcomes\/[^/]+\.json$/, "outcome"],
  [/^candidates\/[^/]+\.json$/, "rule"],
  [/^assignments\/[^/]+\.json$/, "assignment"],
  [/^budgets\/[^/]+\.json$/, "budget"],
  [/^rollouts\/[^/]+\.json$/, "rollout"],
  [/^gates\/[^/]+\.json$/, "gate"],
  [/^rollbacks\/[^/]+\.json$/, "rollback"],
  [/^stop\.json$/, "stop"],
  [/^stops\/sweep\.json$/, "stop-sweep"],
  [/^approvals\/[^/]+\.json$/, "approval"],
  [/^app\/runs\/[^/]+\.json$/, "asked-run"],
  [/^app\/waiting\/[^/]+\.json$/, "waiting-command"],
  [/^app\/explanations\/[^/]+\.json$/, "explanation"],
  [/^validation\/(?:rules|apply|checks|replay|replay-results)\.json$/, undefined],
  [/^canary\/(?:options|samples)\.json$/, undefined],
  [/^(?:detect\/(?:inputs|report)|session\/(?:context|admission)|propose\/checks)\.json$/, undefined],
  [/^ledger-tip\.json$/, undefined],
];

function kindOf(path: string): string | undefined {
  const kind = KINDS.find(([pattern]) => pattern.test(path));
  if (!kind) throw new Error(`${path} is a file of no known kind.`);
  return kind[1];
}

/** Documents of files by path; a ledger has one a line. */
export function documentsIn(files: ReadonlyMap<string, string>): Document[] {
  return [...files].flatMap(([from, text]): Document[] => {
    if (from.startsWith("ledger/")) {
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => ({ schema: "ledger", from, value: JSON.parse(line) as Json }));
    }
    if (!from.endsWith(".json")) return [];
    const schema = kindOf(from);
    return schema === undefined ? [] : [{ schema, from, value: JSON.parse(text) as Json }];
  });
}

/** Documents of the files of a state branch. */
export async function stateDocuments(state: StateStore): Promise<Document[]> {
  const view = await state.view();
  const files = new Map<string, string>();
  for (const path of await view.list("")) files.set(path, (await view.read(path)) ?? "");
  return documentsIn(files);
}

/** A value as it is printed. */
export function printed(schema: string, from: string, value: unknown): Document {
  return { schema, from, value: JSON.parse(JSON.stringify(value)) as Json };
}

/** A day on which one session was settled, one never came back and one runs, and what is said of it. */
export async function budgetDocuments(): Promise<Document[]> {
  const [state, clock] = [openMemoryState(), manualClock(NOW)];
  const desk = openBudgetDesk({ state, clock, limits: LIMITS, expiryMinutes: 60 });
  const first = await desk.reserve({ id: "r-1", target: "notes" });
  if (!first.ok) throw new Error(`There is no budget: ${first.refusal.limit}.`);
  await desk.settle(first.ticket, { usd: 0.25, tokens: 40 });
  await desk.reserve({ id: "r-2", target: "notes", amount: { usd: 0.5 } });
  clock.advance(90 * 60_000);
  await desk.reserve({ id: "r-3", target: "files" });
  const day = await readDay(await state.view(), first.ticket.day);
  const report = budgetReport({ day, limits: LIMITS, targets: ["notes"], nowNs: clock.now() });
  return [...(await stateDocuments(state)), printed("budget-report", "a day's budgets", report)];
}

/** A rollout that is taken back at its second share, as it stands on the state branch. */
export async function rolloutDocuments(): Promise<Document[]> {
  const state = openMemoryState();
  const records = stateRollouts(state);
  const plan = planOf(DeploymentSettings.parse({ expose: "a", stage: "b", check: "c", promote: "d" }));
  const at = (minute: number): string => new Date(Date.UTC(2026, 10, 20, 0, minute)).toISOString();
  const done: RolloutEvent = { type: "done", detail: "exit 0" };
  const open: RolloutEvent = { type: "look", verdict: { verdict: "continue", reasons: ["undecided"] }, stepCalls: 50 };
  const bad: RolloutEvent = { type: "look", verdict: { verdict: "rollback", reasons: ["errors_increased"] } };
  let rollout: Rollout = startRollout({ id: "r-1", target: "notes", candidate: "abc", plan }, at(0));
  await records.save(rollout);
  const failed: RolloutEvent = { type: "failed", reasons: ["hook_failed"], detail: "exit 1" };
  const course = [failed, done, done, open, done, done, open, done, bad];
  for (const [index, event] of course.entries()) {
    rollout = advance(rollout, event, at(15 * (index + 1)));
    await records.save(rollout);
  }
  return await stateDocuments(state);
}

/** What a judge says of itself on calls of which some fail. */
export function aaDocuments(): Document[] {
  const samples = Array.from({ length: 60 }, (_, i): CallSample => {
    const call = { operation: i % 3 === 0 ? "search" : "read", durationMs: 10 + (i % 7), error: i % 10 === 0 };
    return { ...call, timestamp: 5_000 * i, arm: "baseline", session: `s${Math.floor(i / 3)}` };
  });
  const report = judgeAgainstItself(samples, {
    judge: { weight: 0.5 },
    repetitions: 3,
    random: createRandom("aa"),
  });
  return [printed("canary-aa", "calls judged against themselves", report)];
}

/** An A/A on live arms with a period that was judged and one that was skipped. */
export function liveAaDocuments(): Document[] {
  const [startMs, hourMs] = [Date.UTC(2026, 10, 20), 3_600_000];
  const calls = Array.from({ length: 60 }, (_, i): CallSample => {
    const call = { operation: "read", durationMs: 10 + (i % 7), error: i % 10 === 0, session: `s${i}` };
    return { ...call, timestamp: startMs + 60_000 * i, arm: i % 3 === 0 ? "canary" : "baseline" };
  });
  const judge = { startMs, endMs: startMs + hourMs, judge: { weight: null }, random: createRandom("aa") };
  const of = { target: "notes", periodMs: hourMs, since: "2026-11-20T00:00:00.000Z" };
  const empty = emptyHistory({ ...of, promised: { rollback: 0.05, promotion: 0.05 } });
  const judged = addPeriod(empty, judgePeriod(calls, judge));
  const history = addPeriod(judged, { skipped: "silent_arm", to: "2026-11-20T02:00:00.000Z" });
  const plan = planOf(DeploymentSettings.parse({ expose: "a", promote: "b" }));
  const rollout = startRollout({ id: "r-1", target: "notes", candidate: "abc", plan }, "2026-11-20T02:00:00.000Z");
  const verdict = judgeCanary(calls, { weight: null });
  return [
    printed("canary-aa-live", "a period judged and one skipped", history),
    printed("rollout-status", "a rollout of which nothing is known yet", { rollout }),
    printed("rollout-status", "a rollout with its verdict and an A/A", { rollout, verdict, aa: ratesOf(history) }),
  ];
}

/** A gate that waits, and the same one after a person has decided and GitHub has the answer. */
export async function gateDocuments(): Promise<Document[]> {
  const [state, clock] = [openMemoryState(), manualClock()];
  const at = formatInstant(clock.now());
  const waiting: GateRecord = {
    schema: "whetstone.gate/1",
    id: "4711-1-production",
    run: { id: 4711, attempt: 1, environment: "production", url: "https://github.invalid/actions/runs/4711" },
    sha: "a".repeat(40),
    proposal: { pull: 12, target: "notes", fingerprint: fingerprint(1) },
    startedAt: at,
    deadlineAt: at,
    reports: 1,
    decision: null,
    end: null,
  };
  const decision = { state: "approved", reasons: ["decided_by_person"], by: ACTOR, at, verdict: null } as const;
  const ended: GateRecord = {
    ...waiting,
    decision: { ...decision, reasons: [...decision.reasons] },
    end: { how: "answered", by: null, at },
  };
  await updateGate({ state, clock }, waiting.id, () => ({ next: waiting, entries: [] }));
  const before = await stateDocuments(state);
  await updateGate({ state, clock }, waiting.id, () => ({ next: ended, entries: [] }));
  return [...before, ...(await stateDocuments(state))];
}

/** What people said on GitHub: a run asked for, a command that waits and is taken, an approval, an explanation. */
export async function commandDocuments(): Promise<Document[]> {
  const state = openMemoryState();
  const at = formatInstant(manualClock().now());
  const id = "a-20261120T100000Z-00000a";
  const head = { pull: 12, by: "ada", at } as const;
  const sha = "a".repeat(40);
  const waiting = { schema: "whetstone.waiting-command/1", id, conversation: 12, word: "promote", rest: "" } as const;
  const files = [
    askedRunFile({
      schema: "whetstone.asked-run/1",
      comment: 900,
      conversation: 12,
      word: "refine",
      target: "notes",
      by: ACTOR,
      app: "whetstone[bot]",
      at,
      workflow: "whetstone.yml",
      inputs: { target: "notes", mode: "refinement", session: "claude" },
      permission: { authorization: id, baseSha: sha },
      run: 4711,
      loop: "r-20261120T100100Z-00000b",
    }),
    waitingFile({ ...waiting, by: ACTOR, taken: { by: ACTOR, run: "delivery-1" } }),
    approvalFile({ ...head, schema: "whetstone.approval/1", target: "notes", kind: "approved", sha, head: sha }),
    explanationFile({ ...head, schema: "whetstone.explanation/1", by: ACTOR, text: "It is slower." }),
  ];
  await state.update("said", async () => ({ change: new Map(files), value: undefined }));
  return await stateDocuments(state);
}

/** A shadow whose candidate answers one call of two differently, and what is no call's fault. */
export function shadowDocuments(): Document[] {
  const answer = (key: string, result: CallResult["result"]): CallResult => ({
    key,
    tool: "read",
    status: "ok",
    durationMs: 1,
    result,
  });
  const triple = (key: string, hits: number) => ({
    baseline: answer(key, { at: 1, hits: 1 }),
    reference: answer(key, { at: 2, hits: 1 }),
    candidate: answer(key, { at: 3, hits }),
  });
  const skipped = { notReadOnly: 1, notAllowed: 2, dropped: 0 };
  const report = reportShadow({ triples: [triple("one/0", 1), triple("one/1", 2)], skipped });
  return [printed("shadow", "calls that were made again", report)];
}

const DAY_NS = 86_400_000_000_000n;

/** Sessions for which a rule was drawn, what became of them, and what is learned from it once the rule is past its time. */
export async function learningDocuments(): Promise<Document[]> {
  await using folder = await temporaryFolder();
  const [state, clock] = [openMemoryState(), manualClock()];
  const created = formatInstant(clock.now());
  const expires = formatInstant(clock.now() + 90n * DAY_NS);
  await mkdir(join(folder.path, "rules"));
  await writeFile(join(folder.path, "rules/batch-reads.yaml"), JSON.stringify(rule({ created, expires })));
  const config = { learning: LearningSettings.parse({}) };
  const target = { source: ["src/**"] };
  const workspace = { state, clock, target, targetName: "notes", config, root: folder.path } as unknown as Workspace;
  for (const n of [1, 2, 3]) {
    const draw = { worktree: folder.path, evidence, drawn: true };
    await drawRules({ id: `r-${n}`, actor: ACTOR, workspace }, draw);
    const at = formatInstant(clock.now());
    const ended = outcome({ id: `o-${n}`, at, dossier: fingerprint(n), validated: n > 1, change: "cache" });
    await appendOutcome(state, { outcome: ended, entries: [] }, clock);
  }
  clock.advance(91 * 86_400_000);
  const { value } = await learn({ id: "r-4", actor: ACTOR, workspace });
  return [...(await stateDocuments(state)), printed("learning", "three outcomes", value)];
}

/** A stop that switched workflows off and asked a run to end, and a change that was taken back. */
export async function stopDocuments(): Promise<Document[]> {
  await using world = await openWorld();
  const by = { type: "person", id: "ada" } as const;
  await sweepStop(world.deps, { by, why: "drill", run: "delivery-1", also: [] });
  const [before, changed, now] = ["a", "b", "c"].map((digit) => digit.repeat(40)) as [string, string, string];
  const origin = outcome({ id: "o-1", target: "notes" });
  const { target, fingerprint: idea, dossier } = origin;
  const proposal = { target, fingerprint: idea, dossier, origin, outcome: origin, ...UNKNOWN };
  const revert = { number: 8, branch: "whetstone/rollback/notes/0123456789ab", sha: now };
  const facts = { pull: 7, target, fingerprint: idea, dossier, by, why: "slower", before, changed, now };
  const at = formatInstant(world.clock.now());
  const kept = { digest: "d".repeat(64), revert, deployment: null, at } as const;
  const record = { schema: "whetstone.rollback/1", ...facts, ...kept, verdict: "proposed" } as const;
  await recordRollback(world.deps, { record, proposal, reasons: ["rollback_proposed"], run: "delivery-2" });
  const deployment = { key: "rollback-7", sha: before, workflow: "restore.yml", asked: at, run: 5 };
  await recordDeployment(world.deps.state, 7, deployment);
  return await stateDocuments(world.deps.state);
}

const UNKNOWN = { dossierId: undefined, baseSha: undefined, hypothesis: undefined, patch: undefined };
