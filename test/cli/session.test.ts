import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CATALOGUE } from "../../src/mcp/catalogue.ts";
import { main } from "../../src/cli/main.ts";
import { parseEnv } from "../../src/config/env.ts";
import { SESSION_TOOLS, telemetryServer } from "../../src/loop/claude.ts";
import { SessionRecord } from "../../src/model/proposal.ts";
import { bufferIo } from "./buffer-io.ts";
import { claudeForTests, DUMMY_KEY } from "../support/claude.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { type Said, type ScriptedTurn, startMessagesApi, type Turn } from "../support/messages-api.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { type Ended, startWhetstone, whetstone } from "../support/whetstone.ts";

const cli = await claudeForTests();
const withClaude = cli === undefined ? describe.skip : describe;

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const ANSWER = {
  summary: "The sum is computed again and again.",
  findings: [{ finding: "errors", rootCause: "a loop", paths: ["src/work.mjs"], plan: ["compute once"] }],
};
const looking: ScriptedTurn = { say: [call("mcp__whetstone__get_traces", { service_name: "sample", limit: 1 })] };
const reading: ScriptedTurn = { say: [call("Read", { file_path: "src/work.mjs" })] };
const answering: ScriptedTurn = { say: [call("StructuredOutput", ANSWER)] };

let project: SampleProject;
beforeAll(async () => {
  project = await sampleProject();
});
afterAll(() => project.remove());

/** A command with a scripted API behind it, and what that was asked. */
async function ask(script: readonly ScriptedTurn[], ...args: readonly string[]) {
  await using api = await startMessagesApi({ key: DUMMY_KEY, script });
  const env = { ANTHROPIC_API_KEY: DUMMY_KEY, ANTHROPIC_BASE_URL: api.url, ...cacheOf() };
  const ended = await whetstone(args, { cwd: project.root, env });
  return { ...ended, requests: api.requests, faults: api.faults };
}

/** Where the program is, as the tests themselves found it. */
function cacheOf(): Record<string, string> {
  return cli === undefined ? {} : { WHETSTONE_CLAUDE: cli.path };
}

/** A command in this process: what asks nobody needs none of its own. */
async function here(args: readonly string[], cwd: string): Promise<Pick<Ended, "code" | "out" | "err">> {
  const { PATH, HOME } = process.env;
  const buffer = bufferIo({ cwd, env: parseEnv({ PATH, HOME }), inherited: { PATH, HOME } });
  const code = await main(args, buffer.io);
  return { code, out: buffer.out(), err: buffer.err() };
}

const run = (...args: readonly string[]) => here(args, project.root);
const start = ["session", "start", "--target", "sample"] as const;

withClaude("a session by hand", () => {
  let first: Awaited<ReturnType<typeof ask>>;
  let record: SessionRecord;
  beforeAll(async () => {
    first = await ask([looking, reading, answering], ...start, "--question", "Why is work slow?", "--json");
    if (first.code === 0) record = SessionRecord.parse(JSON.parse(first.out).session);
  }, 180_000);

  test("is asked with evidence, answers, and leaves nothing running or lying about", async () => {
    expect({ code: first.code, err: first.code === 0 ? "" : first.err, faults: first.faults }).toEqual({
      code: 0,
      err: "",
      faults: [],
    });
    const report = JSON.parse(first.out);
    expect(report).toMatchObject({ verdict: "pass", reasons: ["analysis_only"], proposal: null });
    expect(report.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
      "gate",
      "evidence",
      "session",
      "record",
    ]);
    expect(report.findings.length).toBeGreaterThan(0);
    expect(record.run).toMatchObject({ stop: "answered", question: "Why is work slow?", analysis: ANSWER });
    expect(JSON.stringify(first.requests[0]?.body)).toContain("Why is work slow?");
    expect(first.out + first.err).not.toContain(DUMMY_KEY);
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("what it was told is in its files, and their digest in its record", async () => {
    const { files } = JSON.parse(first.out);
    const context = await readFile(join(project.root, files, "session/context.md"), "utf8");
    expect(context).toContain("Why is work slow?");
    const { sha256 } = await import("../../src/protect/digest.ts");
    expect(record.run?.contextDigest).toBe(sha256(context));
    expect(record.run?.context?.digest).toBe(sha256(context));
  });

  test("is on the state branch with its ledger records, in the list, and is shown", async () => {
    const kept = JSON.parse(project.git("show", `whetstone/state:sessions/${record.id}.json`));
    expect(kept).toEqual(JSON.parse(JSON.stringify(record)));
    const { records } = JSON.parse((await run("audit", "show", "--json")).out);
    expect(records.map(({ operation, result }: Record<string, string>) => [operation, result])).toEqual([
      ["session.start", "started"],
      ["session.end", "answered"],
    ]);
    const listed = JSON.parse((await run("session", "list", "--json")).out);
    expect(listed.sessions).toMatchObject([{ id: record.id, stop: "answered", mode: "analysis" }]);
    const shown = await run("session", "show", record.id);
    expect([shown.code, shown.out.includes("mcp__whetstone__get_traces")]).toEqual([0, true]);
    expect(JSON.parse((await run("session", "show", record.id, "--json")).out)).toEqual(kept);
  });

  test("session, model requests, tools and MCP calls are one trace; its metrics are in the store", async () => {
    const traceId = record.run?.telemetry?.traceId ?? "";
    expect(record.run?.telemetry).toMatchObject({ lost: 0 });
    const { spans } = JSON.parse((await run("traces", "show", traceId, "--json")).out);
    const named = (name: string) => spans.filter(({ operation }: { operation: string }) => operation === name);
    const [root] = named("whetstone.session");
    const [interaction] = named("claude_code.interaction");
    expect(interaction.parentSpanId).toBe(root.spanId);
    expect(named("claude_code.llm_request")).toHaveLength(3);
    expect(named("claude_code.tool").length).toBeGreaterThanOrEqual(2);
    const calls = named("tools/call get_traces").filter(({ kind }: { kind: string }) => kind === "server");
    expect(calls).toMatchObject([{ service: "whetstone-mcp", parentSpanId: root.spanId }]);
    const { openStore } = await import("../../src/store/open.ts");
    await using store = await openStore({ url: join(project.root, ".whetstone/whetstone.db") });
    const { metrics } = await store.metrics.list({ service: "claude-code" }, { limit: 100 });
    expect(metrics.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["claude_code.cost.usage", "claude_code.token.usage"]),
    );
  });

  test("its record is replayed without a model, with the same answer; ended by itself it is not resumed", async () => {
    const file = `${JSON.parse(first.out).files}/session/record.json`;
    const again = await run(...start, "--session", `replay:${file}`, "--json");
    expect([again.code, JSON.parse(again.out).session]).toEqual([0, JSON.parse(first.out).session]);
    const resumed = await run("session", "resume", record.id);
    expect([resumed.code, resumed.err]).toEqual([2, expect.stringContaining("ended by itself")]);
  }, 180_000);

  test("cut off by its budget it is partial; a new session goes on from its summary", async () => {
    const dear: ScriptedTurn = {
      say: [{ type: "text", text: "So far: it is the loop." }, call("Glob", { pattern: "*" })],
      usage: { input_tokens: 1e5, output_tokens: 1 },
    };
    const cut = await ask([dear], ...start, "--budget-usd", "0.01", "--question", "Why?", "--json");
    const { session: partial, reasons } = JSON.parse(cut.out);
    expect([cut.code, reasons, partial.run.stop]).toEqual([3, ["agent_partial"], "max_budget"]);
    const went = await ask([answering], "session", "resume", partial.id, "--json");
    expect({ code: went.code, err: went.code === 0 ? "" : went.err }).toEqual({ code: 0, err: "" });
    const { session } = JSON.parse(went.out);
    expect([session.run.continues, session.id === partial.id]).toEqual([partial.id, false]);
    expect(session.run.question).toBe("Why?");
    const told = JSON.stringify(went.requests[0]?.body);
    // Once, and what it said stands with the data.
    expect(told.split(`o on with session ${partial.id}`)).toHaveLength(2);
    expect(told).toContain("So far: it is the loop.");
  }, 180_000);

  test("in a run of the loop it explains what was found, and the run changes nothing", async () => {
    const looped = await ask([answering], "loop", "--local", "--mode", "analysis", "--session", "claude", "--json");
    expect({ code: looped.code, err: looped.code === 0 ? "" : looped.err }).toEqual({ code: 0, err: "" });
    const report = JSON.parse(looped.out);
    expect([report.verdict, report.reasons]).toEqual(["no_change", ["analysis_only"]]);
    expect(report.stages.map(({ stage }: { stage: string }) => stage)).toContain("session");
    expect((await run("replay", report.dossier)).code).toBe(0);
    expect(await leftovers(project)).toEqual(NOTHING);
  }, 180_000);

  test("Ctrl-C ends the session, books what it cost, and leaves nothing; so does the next run after kill -9", async () => {
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const asked = Promise.withResolvers<void>();
      const hanging = (): Turn => {
        asked.resolve();
        return { hang: true };
      };
      await using api = await startMessagesApi({ key: DUMMY_KEY, script: [looking, hanging] });
      const env = { ANTHROPIC_API_KEY: DUMMY_KEY, ANTHROPIC_BASE_URL: api.url, ...cacheOf() };
      const running = startWhetstone(start, { cwd: project.root, env });
      await Promise.race([asked.promise, running.ended]);
      running.child.kill(signal);
      const ended = await running.ended;
      if (signal === "SIGINT") {
        expect([ended.code, ended.err]).toEqual([1, expect.stringContaining("error (interrupted)")]);
        const { records } = JSON.parse((await run("audit", "show", "--json")).out);
        expect(records.at(-1)).toMatchObject({ operation: "session.end", reasonCode: "run_failed" });
        const days = project.git("ls-tree", "--name-only", "whetstone/state", "budgets/").split("\n");
        const { reservations } = JSON.parse(project.git("show", `whetstone/state:${days[0]}`));
        expect(reservations.at(-1).settled).toMatchObject({ basis: "measured" });
        expect(reservations.at(-1).settled.spent.usd).toBeLessThan(0.01);
      } else {
        const swept = await run(...start, "--dry-run", "--session", `replay:${await project.session(BETTER_WORK)}`);
        expect(swept.err).toContain("recovered: removed what the interrupted run");
      }
      expect(await leftovers(project)).toEqual(NOTHING);
      expect(await readdir(join(project.root, ".whetstone/sessions/running"))).toEqual([]);
    }
  }, 180_000);

  test("a refinement without a person's permission is refused before the model is asked", async () => {
    const refused = await ask([], ...start, "--mode", "refinement");
    expect([refused.code, refused.err, refused.requests]).toEqual([
      1,
      expect.stringContaining("authorization_missing"),
      [],
    ]);
    expect(await leftovers(project)).toEqual(NOTHING);
  }, 180_000);
});

describe("a session that asks nobody", () => {
  test("a dry run assembles what would be told and records nothing", async () => {
    const other = await sampleProject();
    const ended = await here([...start, "--dry-run", "--session", "claude", "--json"], other.root);
    const { reasons, files, session } = JSON.parse(ended.out);
    expect([ended.code, reasons, session]).toEqual([0, ["dry_run"], null]);
    expect(await readFile(join(other.root, files, "session/context.md"), "utf8")).toContain("# Task");
    expect(other.git("for-each-ref", "refs/heads/whetstone")).toBe("");
    await other.remove();
  }, 180_000);

  test("a recorded refinement gives its proposal, which can be validated", async () => {
    const other = await sampleProject();
    const file = await other.session(BETTER_WORK);
    const args = [...start, "--mode", "refinement", "--session", `replay:${file}`, "--json"];
    const ended = await here(args, other.root);
    const { verdict, proposal, files } = JSON.parse(ended.out);
    expect([ended.code, verdict]).toEqual([0, "pass"]);
    const answer = JSON.parse(await readFile(file, "utf8")).answer;
    expect(proposal).toMatchObject({ schema: "whetstone.proposal/1", target: "sample", answer });
    expect(JSON.parse(await readFile(join(other.root, files, "proposal.json"), "utf8"))).toEqual(proposal);
    await other.remove();
  }, 180_000);

  test("telemetry of the store is evidence too; without any there is no session", async () => {
    const ended = await run(
      ...start,
      "--since",
      "-1m",
      "--until",
      "2026-01-01T00:00:00Z",
      "--session",
      "replay:x.json",
    );
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining("ends before it starts") });
    const other = await sampleProject();
    const file = await other.session(BETTER_WORK);
    const common = [...start, "--mode", "refinement", "--session", `replay:${file}`, "--json"];
    const none = await here([...common, "--since", "-1h"], other.root);
    expect([none.code, JSON.parse(none.out)]).toMatchObject([3, { reasons: ["evidence_insufficient"], session: null }]);
    expect((await here(common, other.root)).code).toBe(0);
    const some = await here([...common, "--since", "-1h"], other.root);
    expect([some.code, JSON.parse(some.out).findings.length > 0]).toEqual([0, true]);
    await other.remove();
  }, 180_000);

  test.each([
    [["--mode", "plan"], "is no mode"],
    [["--session", "gpt"], "nobody to ask"],
    [["--budget-usd", "-1"], "no amount"],
    [["--until", "-1h"], "needs --since"],
    [["--authorization", "a", "--authorization-file", "b"], "both given"],
    [["--session", "replay:none.json"], "none.json"],
    [[], "ANTHROPIC_API_KEY"],
  ])("%j is refused with exit 2 before anything is started", async (flags, named) => {
    const ended = await run(...start, ...flags);
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(named)]);
  });

  test("a recording of the other mode is refused, and the failure is on record", async () => {
    const other = await sampleProject();
    const file = await other.session(BETTER_WORK);
    const ended = await here([...start, "--session", `replay:${file}`], other.root);
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("recorded refinement")]);
    const { records } = JSON.parse((await here(["audit", "show", "--json"], other.root)).out);
    expect(records.at(-1)).toMatchObject({ operation: "session.end", reasonCode: "run_failed" });
    await other.remove();
  }, 180_000);

  test("while the kill switch is set none starts", async () => {
    const other = await sampleProject();
    const file = await other.session(BETTER_WORK);
    expect((await here(["stop", "--why", "test"], other.root)).code).toBe(0);
    const ended = await here([...start, "--mode", "refinement", "--session", `replay:${file}`], other.root);
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining("error (stopped, disabled)")]);
    await other.remove();
  }, 180_000);
});

test("the tools that a session may call exist and only read", () => {
  const known = new Map(CATALOGUE.map((tool) => [tool.name, tool]));
  for (const name of SESSION_TOOLS) {
    const tool = known.get(name);
    expect({ name, toolset: tool?.toolset, runs: tool?.runsCommands ?? false }).toMatchObject({ runs: false });
    expect(["traces", "analysis"]).toContain(tool?.toolset);
  }
});

test("the password of a store is in no argument", () => {
  const { command, env } = telemetryServer("postgres://user:secret@localhost/db");
  expect(command.join(" ")).not.toContain("secret");
  expect(env).toEqual({ DATABASE_URL: "postgres://user:secret@localhost/db" });
});
