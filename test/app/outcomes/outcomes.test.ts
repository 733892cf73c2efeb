import { describe, expect, test } from "@jest/globals";
import { pullClosed } from "../../../src/app/outcomes/closed.ts";
import { heldTask } from "../../../src/app/outcomes/held.ts";
import { proposalOfPull } from "../../../src/app/outcomes/proposal.ts";
import { recordLater } from "../../../src/app/outcomes/record.ts";
import { pullReopened } from "../../../src/app/outcomes/reopened.ts";
import { rollBack } from "../../../src/app/rollback/rollback.ts";
import type { Effect } from "../../../src/model/verdict.ts";
import { editedBeside } from "../../../src/propose/edited.ts";
import { readOutcomes } from "../../../src/protect/outcomes.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { span, spanId, traceId } from "../../store/spans.ts";
import { BASE_FILES, CHANGED_FILES, commitLater, type Merged, startMerged } from "../rollback/merged.ts";

const ADA = { login: "ada", type: "User" };
const BOT = { login: "mergify[bot]", type: "Bot" };
const closed = (merged: Merged, who = ADA, number = merged.pull) =>
  pullClosed.handle(
    merged.context({
      name: "pull_request.closed",
      payload: { action: "closed", pull_request: { number, merged_by: who }, sender: who },
    }),
  );
const outcomes = async ({ repository }: Merged) => {
  const all = await readOutcomes(await repository.state.view(), "notes");
  return all.map(({ status, reasons }) => `${status}: ${reasons.join(" ")}`);
};
const patchPull = ({ github, pull }: Merged, change: object) =>
  github.backend.people.as("ada")("PATCH", `pulls/${pull}`, change);

describe("a proposal that was closed", () => {
  test("merged by a person: once, however often it is told, and with what was moved in between", async () => {
    await using merged = await startMerged();
    await closed(merged);
    await closed(merged);
    // The manifest names another base than the commit before the merge.
    expect(await outcomes(merged)).toEqual(["proposed: ok", "merged: decided_by_person base_moved"]);
    expect(merged.github.violations).toEqual([]);
  });

  test("merged after its canary passed: told, and the promotion stays the latest, once", async () => {
    await using merged = await startMerged();
    const promoted = { status: "promoted", reasons: ["ok"], by: { type: "bot", id: "gate" }, key: "gate-1" } as const;
    const proposal = await proposalOfPull(merged.repository, merged.pull);
    if (proposal === undefined) throw new Error("there is no proposal");
    await recordLater(merged.context({ name: "task.gate", payload: {} }), proposal, promoted);
    merged.clock.advance(1_000);
    await closed(merged);
    await closed(merged);
    expect(await outcomes(merged)).toEqual([
      "proposed: ok",
      "promoted: ok",
      "merged: decided_by_person base_moved",
      "promoted: ok",
    ]);
    // The check that counts is that of the latest promotion; the queue takes a task of one id once.
    const held = new Set(merged.tasks.filter(({ name }) => name === "task.held").map(({ id }) => id));
    expect([...held].map((id) => id.replace(/-\d-[0-9a-f]{12}-/, "-N-"))).toEqual([
      "held:octo-org/notes:o-1-promoted-gate-1",
      "held:octo-org/notes:o-1-merged-N-promoted",
    ]);
  });

  test("merged by a bot is said to be decided by a bot", async () => {
    await using merged = await startMerged();
    await closed(merged, BOT);
    expect(await outcomes(merged)).toEqual(["proposed: ok", "merged: decided_by_bot base_moved"]);
  });

  test("closed by a person, with a label that teaches, opened again, closed again: each is an event", async () => {
    await using merged = await startMerged({ merge: false });
    await merged.github.backend.ask("POST", `issues/${merged.pull}/labels`, { labels: ["whetstone: too large"] });
    await patchPull(merged, { state: "closed" });
    await closed(merged);
    await closed(merged);
    expect(await outcomes(merged)).toEqual(["proposed: ok", "closed: size_exceeded"]);
    await patchPull(merged, { state: "open" });
    // A delivery that comes late finds it open: no end of it is recorded.
    await closed(merged);
    merged.clock.advance(1_000);
    const payload = { action: "reopened", pull_request: { number: merged.pull }, sender: ADA };
    await pullReopened.handle(merged.context({ name: "pull_request.reopened", payload }));
    await pullReopened.handle(merged.context({ name: "pull_request.reopened", payload }));
    expect(await outcomes(merged)).toEqual(["proposed: ok", "closed: size_exceeded", "proposed: decided_by_person"]);
  });

  test("a deleted branch changes nothing of it; a pull request of people is none of ours", async () => {
    await using merged = await startMerged();
    const { backend, base } = merged.github;
    const found = await proposalOfPull(merged.repository, merged.pull);
    await backend.ask("DELETE", `git/refs/heads/${found?.pull.branch}`);
    await closed(merged);
    expect(await outcomes(merged)).toHaveLength(2);
    await backend.ask("POST", "git/refs", { ref: "refs/heads/whetstone/proposal/notes/ffffffffffff", sha: base });
    await backend.commit("whetstone/proposal/notes/ffffffffffff", { "x.ts": "1\n" });
    const head = "whetstone/proposal/notes/ffffffffffff";
    const { data } = await backend.ask("POST", "pulls", { title: "T", head, base: "main" });
    const theirs = Number(Reflect.get(Object(data), "number"));
    expect(await proposalOfPull(merged.repository, theirs)).toBeUndefined();
    await backend.people.as("ada")("PATCH", `pulls/${theirs}`, { state: "closed" });
    await closed(merged, ADA, theirs);
    expect(await outcomes(merged)).toHaveLength(2);
  });

  test.each([
    [true, "rolled_back"],
    [false, "merged"],
  ])("a rollback that is merged (%j) or closed ends as %s", async (merge, status) => {
    await using merged = await startMerged();
    await closed(merged);
    merged.clock.advance(1_000);
    const context = merged.context({ name: "issue_comment.created", payload: {}, id: "d-5" });
    const done = await rollBack(context, { pull: merged.pull, by: { type: "person", id: "ada" }, why: "bad" });
    const number = done.kind === "proposed" ? done.pull.number : 0;
    merged.clock.advance(1_000);
    const ada = merged.github.backend.people.as("ada");
    await ada("PATCH", `pulls/${number}`, merge ? { draft: false } : { state: "closed" });
    if (merge) await ada("PUT", `pulls/${number}/merge`, { merge_method: "squash" });
    await closed(merged, ADA, number);
    await closed(merged, ADA, number);
    expect((await outcomes(merged)).slice(2)).toEqual([
      "rolled_back: rollback_proposed decided_by_person",
      `${status}: decided_by_person`,
    ]);
  });
});

describe("what people changed before they merged", () => {
  const PATCH = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -2,3 +2,3 @@
 one
-two
+const brandNew = 2
 three
diff --git a/src/b.ts b/src/b.ts
new file mode 100644
--- /dev/null
+++ b/src/b.ts
@@ -0,0 +1 @@
+added
`;
  const measure = async (edit: Readonly<Record<string, string>>) => {
    await using merged = await startMerged();
    const { github, before, repository } = merged;
    const changed = await commitLater(merged, { ...CHANGED_FILES, ...edit });
    expect(github.base).toBe(before);
    return await editedBeside(repository.history, PATCH, { before, changed });
  };

  test("nothing; a line of the proposal; lines and a file beside it", async () => {
    expect(await measure({})).toEqual({ files: 0, lines: 0 });
    expect(await measure({ "src/b.ts": "changed\n" })).toEqual({ files: 1, lines: 2 });
    const beside = { "src/a.ts": `${CHANGED_FILES["src/a.ts"]}seven\n`, "src/new.ts": "1\n2\n" };
    expect(await measure(beside)).toEqual({ files: 2, lines: 3 });
    expect(await measure({ "src/a.ts": BASE_FILES["src/a.ts"] })).toEqual({ files: 1, lines: 2 });
  });

  test("a patch that does not apply there: it cannot be told", async () => {
    await using merged = await startMerged();
    const commits = { before: merged.mergeSha, changed: merged.mergeSha };
    expect(await editedBeside(merged.repository.history, PATCH, commits)).toBeUndefined();
    expect(await editedBeside(merged.repository.history, "no patch", commits)).toBeUndefined();
  });
});

describe("held after its time", () => {
  const effect: Effect = {
    operation: "search",
    metric: "p95_ms",
    before: 100,
    beforeInterval: { low: 95, high: 105, level: 0.95 },
    after: 50,
    afterInterval: { low: 45, high: 55, level: 0.95 },
    change: -0.5,
    changeInterval: { low: -0.55, high: -0.45, level: 0.95 },
    samples: 100,
  };
  const DAY_MS = 86_400_000;

  /** Promoted after calls of one duration, then watched with calls of another. */
  async function watched(calls: number, afterMs: number, telemetry = true): Promise<readonly string[]> {
    await using merged = await startMerged({ recorded: { effects: [effect] } });
    const store = memoryStore();
    const call = (durationMs: number) =>
      store.append(
        Array.from({ length: calls }, (_, index) =>
          span({
            traceId: traceId(Number(merged.clock.now() / 1_000_000_000n) * 1_000 + index),
            spanId: spanId(index),
            service: "notes",
            name: "tools/call search",
            kind: "server",
            startNs: merged.clock.now(),
            durationNs: durationMs * 1e6,
          }),
        ),
      );
    await call(100);
    merged.clock.advance(60_000);
    const proposal = await proposalOfPull(merged.repository, merged.pull);
    const context = merged.context({ name: "task.gate", payload: {} }, telemetry ? store : undefined);
    if (proposal === undefined) throw new Error("there is no proposal");
    const by = { type: "bot", id: "gate" } as const;
    await recordLater(context, proposal, { status: "promoted", reasons: ["errors_within_margin"], by, key: "gate-1" });
    merged.clock.advance(60_000);
    await call(afterMs);
    const [task] = merged.tasks;
    merged.clock.advance((task?.notBefore ?? 0) - Number(merged.clock.now() / 1_000_000n));
    expect(Number(merged.clock.now() / 1_000_000n)).toBeGreaterThan(DAY_MS);
    const event = { name: "task.held", payload: task?.payload, id: task?.id ?? "" };
    for (const _twice of [1, 2]) await heldTask.handle(merged.context(event, telemetry ? store : undefined));
    return (await outcomes(merged)).slice(1);
  }

  test("held, faded, and from too little traffic or without telemetry neither", async () => {
    const promoted = "promoted: errors_within_margin";
    expect(await watched(200, 50)).toEqual([promoted, "held: effect_held"]);
    expect(await watched(200, 100)).toEqual([promoted, "faded: effect_faded"]);
    expect(await watched(5, 50)).toEqual([promoted]);
    expect(await watched(200, 50, false)).toEqual([promoted]);
  });
});
