import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Evidence } from "../../src/model/finding.ts";
import type { SessionRecord } from "../../src/model/proposal.ts";
import { memoryRunner } from "../../src/session/memory.ts";
import type { SessionRequest, SessionRunner } from "../../src/session/port.ts";
import { readSession, replayRunner } from "../../src/session/replay.ts";
import { bindProposal, sessionStage } from "../../src/session/stage.ts";

const BASE = "a".repeat(40);
const PATCH = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,2 +1,2 @@
-old
+new
 same
`;

const evidence: Evidence = {
  schema: "whetstone.evidence/1",
  target: "notes",
  window: { since: "2026-11-20T10:00:00.000Z", until: "2026-11-20T10:01:00.000Z" },
  traces: 1,
  spans: 2,
  operations: [],
  findings: [],
  omitted: { operations: 0, findings: 0 },
};

const record: SessionRecord = {
  schema: "whetstone.session/1",
  id: "s-1",
  mode: "refinement",
  target: "notes",
  model: "a test",
  recordedAt: "2026-11-20T10:00:00.000Z",
  arms: [],
  usage: { inputTokens: 0, outputTokens: 0, turns: 0, costUsd: 0 },
  summary: "",
  partial: false,
  answer: {
    title: "Change a",
    patch: PATCH,
    hypothesis: { metric: "p50_ms", operation: "search", direction: "decrease", expectedChange: -0.5 },
    rationale: "because",
    findings: ["n_plus_one"],
  },
};

const request: SessionRequest = {
  mode: "refinement",
  target: "notes",
  baseSha: BASE,
  evidence,
  rules: [],
  context: "",
};

describe("bindProposal", () => {
  test("ideas are equal when the changed lines are, wherever they stand", () => {
    const moved = PATCH.replace("@@ -1,2 +1,2 @@", "@@ -11,2 +11,2 @@");
    const one = bindProposal(record, BASE);
    const two = bindProposal({ ...record, answer: { ...record.answer!, patch: moved } }, BASE);
    expect(two?.fingerprint).toBe(one?.fingerprint);
    expect(two?.patchDigest).not.toBe(one?.patchDigest);
    const other = bindProposal(
      { ...record, answer: { ...record.answer!, patch: PATCH.replace("+new", "+newer") } },
      BASE,
    );
    expect(other?.fingerprint).not.toBe(one?.fingerprint);
  });

  test("a patch that does not parse still has an identity; no answer is no proposal", () => {
    expect(bindProposal({ ...record, answer: { ...record.answer!, patch: "nonsense" } }, BASE)?.fingerprint).toMatch(
      /^[0-9a-f]{64}$/,
    );
    const { answer: _answer, ...silent } = record;
    expect(bindProposal(silent, BASE)).toBeUndefined();
  });
});

describe("sessionStage", () => {
  const stage = (answer: SessionRecord) => {
    const runner = memoryRunner(() => answer);
    const dossier = new Map<string, string | Uint8Array>();
    const deps = { runner, target: "notes", source: ["src/**"], baseSha: BASE, rules: [], outcomes: [], dossier };
    return sessionStage(deps, evidence).then((result) => ({ result, dossier, runner }));
  };

  test("asks once, binds the answer, and keeps context, record and patch for the dossier", async () => {
    const { result, dossier, runner } = await stage(record);
    expect(result).toMatchObject({ verdict: "pass", value: { proposal: { baseSha: BASE, session: "s-1" } } });
    expect([...dossier.keys()].sort()).toEqual([
      "change.patch",
      "proposal.json",
      "session/context.json",
      "session/context.md",
      "session/record.json",
    ]);
    expect(runner.requests).toHaveLength(1);
    expect(runner.requests[0]?.context).toBe(dossier.get("session/context.md"));
  });

  test("no change and a partial answer are inconclusive, with their reasons", async () => {
    const { answer: _answer, ...silent } = record;
    expect((await stage(silent)).result).toMatchObject({ verdict: "inconclusive", reasons: ["agent_no_change"] });
    expect((await stage({ ...record, partial: true })).result).toMatchObject({
      verdict: "inconclusive",
      reasons: ["agent_partial"],
    });
  });
});

describe("recorded sessions", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whetstone-session-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function written(text: string): Promise<string> {
    const file = join(folder, "session.json");
    await writeFile(file, text);
    return file;
  }

  // One contract over both adapters: what a runner gives back is the record, whatever it is asked.
  test.each(["memory", "replay"] as const)("%s gives the record", async (kind) => {
    const file = await written(JSON.stringify(record));
    const runner: SessionRunner = kind === "memory" ? memoryRunner(() => record) : replayRunner(file);
    expect(runner.kind).toBe(kind);
    expect(await runner.run(request)).toEqual(record);
    expect(await runner.run({ ...request, context: "other" })).toEqual(record);
  });

  test.each([
    ["truncated", JSON.stringify(record).slice(0, -40)],
    ["empty", ""],
    ["of another schema", JSON.stringify({ ...record, schema: "whetstone.session/9" })],
    ["with a key that nobody knows", JSON.stringify({ ...record, extra: 1 })],
  ])("a file that is %s is session_invalid and named", async (_name, text) => {
    const file = await written(text);
    await expect(readSession(file)).rejects.toMatchObject({
      code: "session_invalid",
      message: expect.stringContaining("session.json"),
    });
  });

  test("a missing file, and a recording of another target, are refused", async () => {
    await expect(readSession(join(folder, "none.json"))).rejects.toMatchObject({ code: "session_invalid" });
    const file = await written(JSON.stringify(record));
    await expect(replayRunner(file).run({ ...request, target: "files" })).rejects.toMatchObject({
      code: "session_invalid",
    });
  });
});
