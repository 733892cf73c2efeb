import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { patchOf } from "../../examples/notes-server/sessions/record.ts";
import { Workload } from "../../src/model/call.ts";
import type { WorkloadCall } from "../../src/model/call.ts";
import { connect, copyOfExample, EXAMPLE, ROOT } from "./example-copy.ts";

type Answer = { call: WorkloadCall; failed: boolean; text: string };

/** Plays calls against a fresh server, one after the other or all at once. `add_note` answers with the time, which is left out. */
async function play(root: string, calls: WorkloadCall[], { atOnce = false } = {}): Promise<Answer[]> {
  const client = await connect(root);
  const answers: Answer[] = [];
  const make = async (call: WorkloadCall) => {
    const result = await client.callTool({ name: call.tool, arguments: call.arguments });
    const text = JSON.stringify(result).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
    answers.push({ call, failed: result.isError === true, text });
  };
  if (atOnce) await Promise.all(calls.map(make));
  else for (const call of calls) await make(call);
  await client.close();
  return answers;
}

const BURST = Array.from({ length: 8 }, () => ({ tool: "search_notes", arguments: { query: "latency" } }));
const failures = (answers: Answer[]) => answers.filter((answer) => answer.failed).length;

let calls: WorkloadCall[];
let before: Answer[];
let burstBefore: Answer[];
beforeAll(async () => {
  const workload = Workload.parse(JSON.parse(await readFile(join(EXAMPLE, "workload.json"), "utf8")));
  calls = workload.sessions.flatMap((session) => session.calls);
  before = await play(ROOT, calls);
  burstBefore = await play(ROOT, BURST, { atOnce: true });
});

describe("the server as it is", () => {
  test("fails on three to six percent of the workload, never in a search", () => {
    expect(failures(before) / calls.length).toBeGreaterThanOrEqual(0.03);
    expect(failures(before) / calls.length).toBeLessThanOrEqual(0.06);
    expect(before.filter(({ call, failed }) => failed && call.tool === "search_notes")).toEqual([]);
  });

  test("answers searches that come together as it answers one", () => {
    expect(failures(burstBefore)).toBe(0);
    expect(new Set(burstBefore.map((answer) => answer.text)).size).toBe(1);
  });
});

describe.each([
  { name: "good", differs: false, failsTogether: false },
  { name: "bad-result", differs: true, failsTogether: false },
  { name: "bad-under-load", differs: false, failsTogether: true },
])("the server as the session $name leaves it", ({ name, differs, failsTogether }) => {
  let copy: Awaited<ReturnType<typeof copyOfExample>>;
  beforeAll(async () => {
    copy = await copyOfExample();
    await copy.apply(await patchOf(name));
  });
  afterAll(() => copy[Symbol.asyncDispose]());

  test(
    differs ? "forgets notes that were added, in searches only" : "answers one call after the other as before",
    async () => {
      const after = await play(copy.root, calls);
      const changed = after.filter((answer, index) => answer.text !== before[index]?.text);
      expect(new Set(changed.map(({ call }) => call.tool))).toEqual(new Set(differs ? ["search_notes"] : []));
      expect(failures(after)).toBe(failures(before));
    },
  );

  test(
    failsTogether ? "fails when searches come together" : "answers searches that come together as before",
    async () => {
      const burst = await play(copy.root, BURST, { atOnce: true });
      if (failsTogether) expect(failures(burst)).toBeGreaterThan(0);
      else expect(burst.map((answer) => answer.text)).toEqual(burstBefore.map((answer) => answer.text));
    },
  );
});
