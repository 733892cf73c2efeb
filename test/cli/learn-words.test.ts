import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { sha256 } from "../../src/protect/digest.ts";
import { Rule } from "../../src/model/outcome.ts";
import { claudeForTests, DUMMY_KEY } from "../support/claude.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { type ScriptedTurn, startMessagesApi } from "../support/messages-api.ts";
import { whetstone } from "../support/whetstone.ts";
import { type LearnedProject, learnedProject } from "./learned-project.ts";

const cli = await claudeForTests();
const withClaude = cli === undefined ? describe.skip : describe;

const FIX = "effective-fix-slow-operation-sample";
const HEED = "recurring-failure-slow-operation-replay-result-changed-sample";
const ANSWER = {
  summary: "Two instructions.",
  findings: [
    {
      finding: FIX,
      rootCause: "a loop",
      paths: ["src/work.mjs"],
      plan: ["Compute the sum once and keep it for later calls."],
    },
    {
      finding: HEED,
      rootCause: "a cache",
      paths: ["src/work.mjs"],
      plan: ["Skip the replay check where results differ."],
    },
  ],
};

let project: LearnedProject;
beforeEach(async () => {
  project = await learnedProject([]);
});
afterEach(() => project.remove());

const ruleAt = (branch: string, id: string): Rule => Rule.parse(parse(project.fileAt(branch, `rules/${id}.yaml`)));

describe("learn --propose --session replay:FILE", () => {
  test("the branch has the words that were taken; what was refused keeps those of its pattern, and it is said why", async () => {
    const file = join(project.root, "..", "words.json");
    await writeFile(file, JSON.stringify(recording()));
    const { code, out, err } = await project.cli("learn", "--propose", "--session", `replay:${file}`, "--json");
    expect([code, err]).toEqual([0, ""]);
    const { branch, wording, explanation } = JSON.parse(out);
    expect(wording.session).toBe("s-words");
    expect(ruleAt(branch, FIX)).toMatchObject({ text: ANSWER.findings[0]?.plan[0], worded: { session: "s-words" } });
    const kept = ruleAt(branch, HEED);
    expect([kept.text.startsWith("When answering a slow_operation finding"), kept.worded]).toEqual([true, undefined]);
    // The numbers are those of the ledger, whoever words them.
    expect(ruleAt(branch, FIX).evidence).toMatchObject({ trials: 60, occurrences: 10 });
    expect(explanation).toContain(`${FIX} has the words of session s-words.`);
    expect(explanation).toContainEqual(expect.stringMatching(`^${HEED} keeps the words of its pattern: .*weaken`));
    expect(project.fileAt(branch, "CLAUDE.md")).toContain("Compute the sum once");
    // Learning again changes neither the words nor the branch.
    expect(JSON.parse((await project.cli("learn", "--propose", "--json")).out).branch).toBe(branch);
    expect((await project.cli("audit", "verify")).code).toBe(0);
  });

  test("goes with --propose only, and is refused before anything is learned when it cannot be read", async () => {
    const alone = await project.cli("learn", "--session", "claude");
    expect([alone.code, alone.err.includes("--propose")]).toEqual([2, true]);
    const nobody = await project.cli("learn", "--propose", "--session", "someone");
    expect([nobody.code, nobody.err.includes("is nobody to ask")]).toEqual([2, true]);
    const missing = await project.cli("learn", "--propose", "--session", "replay:none.json");
    expect([
      missing.code,
      project.git("ls-tree", "-r", "--name-only", "whetstone/state").includes("candidates/"),
    ]).toEqual([2, false]);
    expect(project.git("branch", "--list", "whetstone/rules/*")).toBe("");
  });
});

withClaude("learn --propose --session claude", () => {
  test("Claude Code words the rules in a session that cannot write, within the budget", async () => {
    const answering: ScriptedTurn = { say: [{ type: "tool_use", name: "StructuredOutput", input: ANSWER }] };
    await using api = await startMessagesApi({ key: DUMMY_KEY, script: [answering] });
    const env = { ANTHROPIC_API_KEY: DUMMY_KEY, ANTHROPIC_BASE_URL: api.url, WHETSTONE_CLAUDE: cli?.path ?? "" };
    const args = ["learn", "--propose", "--session", "claude", "--budget-usd", "1", "--json"];
    const ended = await whetstone(args, { cwd: project.root, env });
    expect({ code: ended.code, err: ended.code === 0 ? "" : ended.err, faults: api.faults }).toEqual({
      code: 0,
      err: "",
      faults: [],
    });
    const body = api.requests[0]?.body;
    expect(JSON.stringify(body)).toContain(HEED);
    const tools = (body?.tools ?? []).map(({ name }) => name);
    expect(tools).toContain("Read");
    expect(tools.filter((name) => /^(?:Edit|Write|Bash|NotebookEdit|WebFetch)$/.test(name))).toEqual([]);
    const { branch, wording } = JSON.parse(ended.out);
    expect(wording.worded.map(({ rule, taken }: { rule: string; taken: boolean }) => [rule, taken])).toEqual([
      [FIX, true],
      [HEED, false],
    ]);
    expect(ruleAt(branch, FIX)).toMatchObject({
      text: ANSWER.findings[0]?.plan[0],
      worded: { session: wording.session },
    });
    const told = await readFile(
      join(project.root, ".whetstone/sessions", wording.session, "session/context.md"),
      "utf8",
    );
    const kept = JSON.parse(project.git("show", `whetstone/state:sessions/${wording.session}.json`));
    expect([kept.run.contextDigest, kept.summary]).toEqual([sha256(told), ""]);
    // Booked as any session is, at what the scripted answer cost.
    const booked = project.git("ls-tree", "-r", "--name-only", "whetstone/state").split("\n");
    expect(booked.filter((path) => path.startsWith("budgets/"))).toHaveLength(1);
    expect(project.git("status", "--porcelain")).toBe("");
    expect(await leftovers(project)).toEqual(NOTHING);
  }, 180_000);
});

/** What a session of another day answered. */
function recording() {
  return {
    schema: "whetstone.session/2",
    id: "s-words",
    mode: "analysis",
    target: "sample",
    model: "someone",
    recordedAt: "2026-11-01T00:00:00.000Z",
    arms: [],
    usage: { inputTokens: 10, outputTokens: 5, turns: 1, costUsd: 0.02 },
    summary: ANSWER.summary,
    partial: false,
    run: {
      baseSha: "0".repeat(40),
      startedAt: "2026-11-01T00:00:00.000Z",
      durationMs: 1,
      stop: "answered",
      cliVersion: "1",
      provider: "anthropic",
      contextDigest: "0".repeat(64),
      denials: [],
      events: [],
      eventsOmitted: 0,
      analysis: ANSWER,
    },
  };
}
