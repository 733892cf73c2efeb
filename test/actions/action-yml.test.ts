import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { actionTables, withActionTables } from "../../scripts/action-tables.ts";
import { INPUT_NAMES, readInputs } from "../../src/actions/inputs.ts";
import { LOOP_OUTPUTS } from "../../src/actions/loop-job.ts";

type Action = {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required: boolean }>>;
  readonly outputs: Readonly<Record<string, object>>;
  readonly runs: object;
};

const text = readFileSync("action.yml", "utf8");
const action = parse(text) as Action;

describe("action.yml", () => {
  test("runs the built entry on Node 24", () => {
    expect(action.runs).toEqual({ using: "node24", main: "dist/actions/loop.js" });
  });

  test("lists the inputs that the code reads, and their defaults mean what the code does without them", () => {
    expect(Object.keys(action.inputs)).toEqual([...INPUT_NAMES]);
    const read = (get: (name: string) => string) => readInputs({ get, given: [], workspace: "/w" });
    expect(read((name) => action.inputs[name]?.default ?? "")).toEqual(read(() => ""));
  });

  test("lists the outputs that the code sets", () => {
    expect(Object.keys(action.outputs)).toEqual([...LOOP_OUTPUTS]);
  });
});

describe("README", () => {
  const page = readFileSync("README.md", "utf8");

  test("shows the inputs and outputs of action.yml (npm run action-tables)", async () => {
    expect(await withActionTables(page, text)).toBe(page);
  });

  test("a changed description would be noticed", async () => {
    expect(await withActionTables(page, text.replace("Target of the configuration", "Some target"))).not.toBe(page);
  });

  test("every input and output has its row", () => {
    const rows = [...actionTables(text).matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
    expect(rows).toEqual([...Object.keys(action.inputs), ...Object.keys(action.outputs)]);
  });

  test("a page without markers is refused, not overwritten", async () => {
    await expect(withActionTables("# Empty\n", text)).rejects.toThrow("marker");
  });
});
