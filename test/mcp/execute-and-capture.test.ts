import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { memoryStore } from "../../src/store/memory.ts";
import { traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { answerOf, contextOver } from "./calling.ts";
import { CHILD_SENDS_LATER, FORKS_AND_HANGS, SENDS_AND_ENDS } from "./exec-scripts.ts";

const node = (script: string, ...args: string[]) => ["node", "-e", script, ...args];

/** Whether a process runs; one that has ended and that nobody has asked about is none. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

const alive = (pids: string): Promise<boolean[]> => Promise.all(pids.split(" ").map(Number).map(isAlive));

describe("spans of a command", () => {
  test("are stored, shown and judged", async () => {
    const context = contextOver(memoryStore());
    const spec = {
      expected_spans: [
        { operation_name: "checkout", children: [{ operation_name: "pay" }, { operation_name: "ship" }] },
      ],
    };
    await answerOf("define_trace_spec", { name: "shop", specification: spec }, context);
    const { body: opened } = await answerOf(
      "create_development_session",
      { project_name: "p", spec_name: "shop" },
      context,
    );
    const session_id = opened["session_id"];
    const { body } = await answerOf("execute_and_capture", { command: node(SENDS_AND_ENDS), session_id }, context);
    expect(body).toMatchObject({
      exitCode: 0,
      timedOut: false,
      leftBehind: false,
      stdout: "200\n",
      spans: { received: 2, stored: 2, rejected: 0, dropped: 0 },
      traces: [{ root: "shop checkout", spans: 2, errors: 0 }],
      verdict: "fail",
      issues: [{ list: "missing_spans", code: "span_missing" }],
      suggestions: [expect.stringContaining("ship")],
    });
    const [{ traceId: short }] = body["traces"] as [{ traceId: string }];
    const { body: shown } = await answerOf("get_trace_by_id", { trace_id: short }, context);
    expect(shown).toMatchObject({ spanCount: 2 });
    const { body: progress } = await answerOf("get_session_metrics", { session_id }, context);
    expect(progress).toMatchObject({ rounds: 1, failed: 1, violations: { first: 1, last: 1 }, passing: false });
    const { body: next } = await answerOf("suggest_next_steps", { session_id }, context);
    expect(next).toMatchObject({ done: false, steps: [expect.stringContaining("ship")] });
  });

  test("that a child sends after the command has ended are waited for, and the child is ended", async () => {
    const context = contextOver(memoryStore());
    const { body } = await answerOf(
      "execute_and_capture",
      { command: node(CHILD_SENDS_LATER), quiet_ms: 2_000 },
      context,
    );
    expect(body).toMatchObject({ exitCode: 0, leftBehind: true, spans: { stored: 2 }, verdict: "not_checked" });
  });

  test("carry the id of the run and keep their own trace id", async () => {
    const store = memoryStore();
    const args = { command: node(SENDS_AND_ENDS), env: { TRACE_ID: traceId(5) } };
    const { body } = await answerOf("execute_and_capture", args, contextOver(store));
    expect(await store.trace(traceId(5))).toHaveLength(2);
    expect(body["traces"]).toMatchObject([{ spans: 2 }]);
  });

  test("that do not come are explained", async () => {
    const { body } = await answerOf("execute_and_capture", { command: "node -e 0" }, contextOver(memoryStore()));
    expect(body).toMatchObject({ traces: [], hint: expect.stringContaining("No span arrived") });
  });
});

describe("a command", () => {
  test("that forks and hangs is ended with all that it left, also what left its group", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "pids");
    const args = { command: node(FORKS_AND_HANGS, file), timeout_seconds: 0.7 };
    const { body } = await answerOf("execute_and_capture", args, contextOver(memoryStore()));
    expect(body).toMatchObject({ timedOut: true, leftBehind: true, exitCode: null, signal: "SIGKILL" });
    expect(await alive(await readFile(file, "utf8"))).toEqual([false, false]);
  });

  test("that the client cancels is ended", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "pids");
    const controller = new AbortController();
    const context = { ...contextOver(memoryStore()), signal: controller.signal };
    const call = answerOf("execute_and_capture", { command: node(FORKS_AND_HANGS, file) }, context);
    let written = "";
    while (written === "") written = await readFile(file, "utf8").catch(() => "");
    controller.abort();
    await call.catch(() => undefined);
    expect(await alive(written)).toEqual([false, false]);
  });

  test("that says very much is cut, which is said", async () => {
    const args = { command: node('process.stdout.write("a".repeat(3e6) + "the end")'), max_tokens: 1_000 };
    const { body } = await answerOf("execute_and_capture", args, contextOver(memoryStore()));
    expect(body["stdout"]).toMatch(/^a+[^]*\[cut: 3000007 bytes in all\][^]*the end$/);
  });

  test("runs without a shell unless asked", async () => {
    const context = contextOver(memoryStore());
    const plain = await answerOf("execute_and_capture", { command: "echo '$HOME;' `id`" }, context);
    expect(plain.body).toMatchObject({ stdout: "$HOME; `id`\n" });
    const shell = await answerOf("execute_and_capture", { command: "echo one && exit 4", shell: true }, context);
    expect(shell.body).toMatchObject({ stdout: "one\n", exitCode: 4 });
  });

  test("sees a minimal environment", async () => {
    process.env["A_SECRET_OF_THE_TEST"] = "hidden";
    try {
      const script =
        "console.log(Object.keys(process.env).filter((name) => !/^(OTEL_|WHETSTONE_RUN|PATH|GIVEN)/.test(name)).join())";
      const args = { command: node(script), env: { GIVEN: "1" } };
      const { body } = await answerOf("execute_and_capture", args, contextOver(memoryStore()));
      expect(body).toMatchObject({ stdout: "\n" });
    } finally {
      delete process.env["A_SECRET_OF_THE_TEST"];
    }
  });

  test.each([
    { args: { command: "no-such-program-anywhere" }, message: "cannot be started" },
    { args: { command: ["node"], cwd: "../.." }, message: "below" },
    { args: { command: ["node"], cwd: "no/such/folder" }, message: "below" },
    { args: { command: "   " }, message: "no command" },
    { args: { command: "node 'open" }, message: "no command" },
    { args: { command: [""] }, message: "empty" },
  ])("that cannot run is refused: $args", async ({ args, message }) => {
    const { body } = await answerOf("execute_and_capture", args, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining(message) } });
  });
});
