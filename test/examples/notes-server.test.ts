import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { patchOf, SESSIONS } from "../../examples/notes-server/sessions/record.ts";
import { Workload } from "../../src/model/call.ts";
import { SessionRecord } from "../../src/model/proposal.ts";
import { connect, copyOfExample, EXAMPLE, ROOT } from "./example-copy.ts";

const run = promisify(execFile);

/** The end of a test report: some tests passed, none failed. */
const ALL_PASSED = /^. pass [1-9]\d*\n. fail 0$/m;

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(EXAMPLE, path), "utf8"));
}

/** Runs the server's own tests as its README says; rejects with their output when one fails. */
async function runOwnTests(root: string): Promise<string> {
  // A runner inside Jest must not take itself for a part of another run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, ["--test", "examples/notes-server/test/*.test.ts"], {
    cwd: root,
    env,
  });
  return stdout;
}

async function toolNames(): Promise<string[]> {
  const client = await connect(ROOT);
  const { tools } = await client.listTools();
  await client.close();
  return tools.map((tool) => tool.name);
}

describe("the notes server", () => {
  test("passes its own tests", async () => {
    expect(await runOwnTests(ROOT)).toMatch(ALL_PASSED);
  });

  test("has the notes that its generator writes", async () => {
    const folder = await mkdtemp(join(tmpdir(), "notes-data-"));
    try {
      await run(process.execPath, [join(EXAMPLE, "generate-data.ts"), folder]);
      const texts = async (from: string) =>
        Promise.all((await readdir(from)).sort().map(async (name) => [name, await readFile(join(from, name), "utf8")]));
      expect(await texts(join(EXAMPLE, "data"))).toEqual(await texts(folder));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the workload", () => {
  let workload: Workload;
  beforeAll(async () => {
    workload = Workload.parse(await json("workload.json"));
  });
  const calls = () => workload.sessions.flatMap((session) => session.calls);

  test("calls every tool of the server, and no other", async () => {
    expect(new Set(calls().map((call) => call.tool))).toEqual(new Set(await toolNames()));
  });

  test("names sessions once, and only notes that are there whatever ran before", async () => {
    const sessions = workload.sessions.map((session) => session.id);
    expect(new Set(sessions).size).toBe(sessions.length);
    const notes = new Set((await readdir(join(EXAMPLE, "data"))).map((name) => name.replace(/\.md$/, "")));
    const named = calls().flatMap(({ arguments: { id } }) => (typeof id === "string" ? [id] : []));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((id) => !notes.has(id))).toEqual([]);
  });

  test("repeats a query across an added note, which shows results that are remembered too long", () => {
    const repeating = workload.sessions.filter(({ calls: made }) => {
      const added = made.findIndex((call) => call.tool === "add_note");
      const queries = (part: typeof made) =>
        part.flatMap((call) => (call.tool === "search_notes" ? [call.arguments["query"]] : []));
      const before = new Set(queries(made.slice(0, added)));
      return queries(made.slice(added)).some((query) => before.has(query));
    });
    expect(repeating.length).toBe(workload.sessions.length);
  });
});

describe.each(SESSIONS)("the recorded session %s", (name) => {
  let record: SessionRecord;
  let patch: string;
  beforeAll(async () => {
    record = SessionRecord.parse(await json(`sessions/${name}.json`));
    patch = record.answer?.patch ?? "";
  });

  test("is a refinement of the notes target that says that no model wrote it", () => {
    expect(record).toMatchObject({
      id: `notes-${name}`,
      mode: "refinement",
      target: "notes",
      arms: [],
      partial: false,
    });
    expect(record.model).toMatch(/no model was asked/);
    expect(record.answer).toMatchObject({ findings: ["n_plus_one"], hypothesis: { operation: "search_notes" } });
  });

  test("has the patch that its variant gives", async () => {
    expect(patch).toBe(await patchOf(name));
  });

  test("changes the server's sources only", () => {
    const paths = [...patch.matchAll(/^(?:---|\+\+\+) (.+)$/gm)].map((match) => match[1] ?? "");
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !/^[ab]\/examples\/notes-server\/src\/[a-z-]+\.ts$/.test(path))).toEqual([]);
  });

  test("applies cleanly to the example, and passes the server's own tests", async () => {
    await using copy = await copyOfExample();
    await copy.apply(patch);
    expect(await runOwnTests(copy.root)).toMatch(ALL_PASSED);
  });
});
