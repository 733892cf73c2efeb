import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CLAUDE_VERSION } from "../../../src/session/claude/release.ts";
import { canConfine } from "./box.ts";
import { prepare, PROPOSAL, type Refined, refine } from "./refining.ts";

const able = await canConfine();

const INIT = {
  type: "system",
  subtype: "init",
  model: "claude-sonnet-5-5",
  permissionMode: "dontAsk",
  tools: ["Read", "Edit", "Write", "mcp__whetstone__get_trace_by_id", "mcp__checks__run_checks", "StructuredOutput"],
  mcp_servers: [
    { name: "whetstone", status: "connected" },
    { name: "checks", status: "connected" },
  ],
  claude_code_version: CLAUDE_VERSION,
};

const RESULT = {
  type: "result",
  subtype: "success",
  is_error: false,
  result: "done",
  structured_output: { summary: "Done.", proposal: PROPOSAL },
  total_cost_usd: 0.1,
  num_turns: 2,
};

/** What a session in place of the real one does and says; each part is one that success needs. */
type Play = {
  readonly init: object | undefined;
  readonly results: readonly object[];
  readonly exit: string;
  /** Shell commands in the worktree. */
  readonly does: string;
};

const GOOD: Play = {
  init: INIT,
  results: [RESULT],
  exit: "exit 0",
  does: "echo 'export const notes = 2;' > src/notes.js",
};

/** A shell script that plays it: it reads its prompt, works, says its events and ends. */
function scriptOf({ init, results, exit, does }: Play): string {
  const say = (event: object): string => `cat <<'EVENT'\n${JSON.stringify(event)}\nEVENT`;
  return ["#!/bin/sh", "cat > /dev/null", ...(init ? [say(init)] : []), does, ...results.map(say), exit, ""].join("\n");
}

async function play(changes: Partial<Play>, isConfined = false): Promise<Refined> {
  await using prepared = await prepare({ files: { "README.md": "# x\n" } });
  const path = join(prepared.folder, "claude");
  await writeFile(path, scriptOf({ ...GOOD, ...changes }), { mode: 0o755 });
  return await refine(prepared, { path, version: CLAUDE_VERSION, source: "named" }, { script: [], isConfined });
}

const result = (changes: object): Pick<Play, "results"> => ({ results: [{ ...RESULT, ...changes }] });
const init = (changes: object): Pick<Play, "init"> => ({ init: { ...INIT, ...changes } });
const servers = (...statuses: readonly string[]) =>
  init({ mcp_servers: statuses.map((status, index) => ({ name: index === 0 ? "whetstone" : "checks", status })) });

/** Every part that success needs, taken away. */
const FAULTS: readonly (readonly [string, Partial<Play>, string])[] = [
  ["another exit code", { exit: "exit 1" }, "died"],
  ["a signal", { exit: "kill -9 $$" }, "died"],
  ["no result", { results: [] }, "died"],
  ["no account of its set-up", { init: undefined }, "setup_error"],
  ["nothing at all", { init: undefined, results: [], does: "echo bad flag >&2", exit: "exit 1" }, "setup_error"],
  ["an error", result({ is_error: true }), "api_error"],
  [
    "a later result that is worse",
    { results: [RESULT, { ...RESULT, subtype: "error_during_execution", is_error: true }] },
    "died",
  ],
  ["no structured output", result({ structured_output: undefined }), "structured_output_missing"],
  ["another form", result({ structured_output: { findings: [] } }), "answer_invalid"],
  ["a telemetry server that failed", servers("failed", "connected"), "setup_error"],
  ["checks that failed to connect", servers("connected", "failed"), "setup_error"],
  ["checks that are missing", servers("connected"), "setup_error"],
  [
    "another server",
    init({ mcp_servers: [...INIT.mcp_servers, { name: "evil", status: "connected" }] }),
    "setup_error",
  ],
  ["another tool", init({ tools: [...INIT.tools, "Bash"] }), "setup_error"],
  ["another permission mode", init({ permissionMode: "acceptEdits" }), "setup_error"],
  ["another release", init({ claude_code_version: "9.9.9" }), "setup_error"],
  ["a change outside the source", { does: `${GOOD.does}; echo evil > README.md` }, "worktree_changed"],
];

describe("a refinement is a success only with everything together", () => {
  test("all of it: the change is proposed", async () => {
    const { record, error } = await play({});
    expect(error).toBeUndefined();
    expect(record).toMatchObject({ partial: false, answer: PROPOSAL });
    expect(record?.answer?.patch).toContain("+export const notes = 2;");
  });

  test.each(FAULTS)("without it: %s", async (_name, changes, outcome) => {
    const { record, error, left } = await play(changes);
    expect(record).toBeUndefined();
    expect(error).toMatchObject({ code: "session_failed", data: { outcome } });
    expect(left).toEqual({ files: [], pids: [] });
  });

  test.each(["error_max_turns", "error_max_budget_usd"])("%s: a partial record without a proposal", async (subtype) => {
    const { record } = await play({ ...result({ subtype, is_error: true }), exit: "exit 1" });
    expect(record).toMatchObject({ partial: true });
    expect(record?.answer).toBeUndefined();
  });

  test("a limit does not excuse what was changed", async () => {
    const does = "echo evil > README.md";
    const { error } = await play({ ...result({ subtype: "error_max_turns", is_error: true }), exit: "exit 1", does });
    expect(error).toMatchObject({ data: { outcome: "worktree_changed" } });
  });

  test("whatever comes together, one fault is enough", async () => {
    const some = fc.subarray([...FAULTS], { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(some, async (faults) => {
        const changes = faults.reduce<Partial<Play>>((all, [, fault]) => ({ ...all, ...fault }), {});
        expect((await play(changes)).record).toBeUndefined();
      }),
      { numRuns: 6 },
    );
  });
});

describe("a session that leaves a process behind", () => {
  // It says that it lives, and in which namespace, before the session goes on.
  const daemon = [
    "setsid sh -c 'echo $$ > src/pid; cd /; exec sleep 3600' < /dev/null > /dev/null 2>&1 &",
    "while [ ! -s src/pid ]; do :; done",
    "readlink /proc/self/ns/pid > src/namespace",
  ].join("\n");

  (able ? test : test.skip)("leaves none where it is confined, though it left its group", async () => {
    const { record } = await play({ does: daemon }, true);
    expect(record?.run?.confinement).toBe("namespaces");
    const namespace = /^\+(pid:.*)$/m.exec(record?.answer?.patch ?? "")?.[1];
    expect(namespace).toBeDefined();
    expect(namespace).not.toBe(await readlink("/proc/self/ns/pid"));
    expect(await livingIn(namespace ?? "")).toEqual([]);
  });

  (able ? test : test.skip)("without namespaces it lives on: they are what ends it", async () => {
    const { record } = await play({ does: daemon });
    const pid = Number(/^\+(\d+)$/m.exec(record?.answer?.patch ?? "")?.[1]);
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).toContain("3600");
    process.kill(pid, "SIGKILL");
  });
});

async function livingIn(namespace: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/pid`).catch(() => "")));
  return pids.filter((_, index) => links[index] === namespace);
}
