import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { actionTables, PAGE, withActionTables } from "../../scripts/action-tables.ts";
import { INPUT_NAMES, readInputs } from "../../src/actions/inputs.ts";
import { LOOP_OUTPUTS } from "../../src/actions/loop-job.ts";
import { inputsOf, STEP_NAMES } from "../../src/actions/steps.ts";

type Action = {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required: boolean }>>;
  readonly outputs: Readonly<Record<string, object>>;
  readonly runs: object;
};

const text = readFileSync("action.yml", "utf8");
const action = parse(text) as Action;

const folders = readdirSync("actions").toSorted();
const actionOf = (name: string): Action => parse(readFileSync(`actions/${name}/action.yml`, "utf8")) as Action;
const union = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())].toSorted();

describe("action.yml", () => {
  test("runs the built entry on Node 24", () => {
    expect(action.runs).toEqual({ using: "node24", main: "dist/actions/step.js" });
  });

  test("offers every action of `actions/` as a step, and the loop", () => {
    expect(STEP_NAMES.toSorted()).toEqual([...folders, "loop"].toSorted());
  });

  test("lists the inputs of every step and no other", async () => {
    const steps = await Promise.all(STEP_NAMES.map((step) => inputsOf(step)));
    expect(Object.keys(action.inputs).toSorted()).toEqual(union([["step"], ...steps]));
  });

  test("presets nothing that a step does not know: a default is given to every step", async () => {
    const preset = Object.keys(action.inputs).filter((name) => action.inputs[name]?.default !== undefined);
    expect(preset).toContain("step");
    for (const step of STEP_NAMES) {
      const known = await inputsOf(step);
      expect([step, preset.filter((name) => name !== "step" && !known.includes(name))]).toEqual([step, []]);
    }
  });

  test("its defaults mean what the code does without them", () => {
    const read = (get: (name: string) => string) => readInputs({ get, given: [], workspace: "/w" });
    expect(read((name) => action.inputs[name]?.default ?? "")).toEqual(read(() => ""));
    expect(INPUT_NAMES.filter((name) => action.inputs[name] === undefined)).toEqual([]);
  });

  test("lists the outputs of every step and no other", () => {
    const steps = folders.map((name) => Object.keys(actionOf(name).outputs));
    expect(Object.keys(action.outputs).toSorted()).toEqual(union([[...LOOP_OUTPUTS], ...steps]));
  });
});

describe.each(folders.map((name) => [name]))("actions/%s/action.yml", (name) => {
  test("runs its own entry on Node 24 and lists the inputs that its step reads", async () => {
    expect(actionOf(name).runs).toEqual({ using: "node24", main: `../../dist/actions/${name}.js` });
    const step = STEP_NAMES.find((known) => known === name);
    expect(Object.keys(actionOf(name).inputs).toSorted()).toEqual([...(step ? await inputsOf(step) : [])].toSorted());
  });
});

describe("docs/github.md", () => {
  const page = readFileSync(PAGE, "utf8");

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
