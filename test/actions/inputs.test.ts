import { isAbsolute, relative } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { INPUT_NAMES, readInputs, type InputName, type LoopInputs } from "../../src/actions/inputs.ts";
import { WhetstoneError } from "../../src/model/error.ts";

type Given = Partial<Record<InputName, string>>;

function read(inputs: Given & Readonly<Record<string, string>>): LoopInputs {
  const set = Object.entries(inputs).filter(([, value]) => value !== "");
  return readInputs({
    get: (name) => inputs[name] ?? "",
    given: set.map(([name]) => name),
    workspace: "/work/repo",
  });
}

function refusal(inputs: Parameters<typeof read>[0]): WhetstoneError {
  try {
    read(inputs);
  } catch (error) {
    if (error instanceof WhetstoneError) return error;
    throw error;
  }
  throw new Error("The inputs were accepted.");
}

describe("readInputs", () => {
  test("without any input it looks only, in the workspace", () => {
    expect(read({})).toEqual({
      target: undefined,
      mode: "analysis",
      recording: undefined,
      dryRun: false,
      config: "/work/repo/whetstone.yaml",
      folder: "/work/repo",
    });
  });

  test("paths are below the working directory", () => {
    const inputs = { mode: "refinement", session: "replay:sessions/a b.json", "working-directory": "sub/dir" };
    expect(read({ ...inputs, target: "notes", "dry-run": "TRUE", config: "conf/w.yaml" })).toEqual({
      target: "notes",
      mode: "refinement",
      recording: "/work/repo/sub/dir/sessions/a b.json",
      dryRun: true,
      config: "/work/repo/sub/dir/conf/w.yaml",
      folder: "/work/repo/sub/dir",
    });
  });

  test.each<readonly [Parameters<typeof read>[0], string, string]>([
    [{ mode: "repair" }, "`mode: repair`", "refinement"],
    [{ mode: "refinement" }, "needs the input `session`", "replay:FILE"],
    [{ session: "replay:a.json" }, "ends before a session", "mode: refinement"],
    [{ mode: "refinement", session: "claude" }, "`session: claude`", "recorded"],
    [{ mode: "refinement", session: "replay:" }, "`session: replay:`", "recorded"],
    [{ mode: "refinement", session: "replay:../a.json" }, "leads out of `working-directory`", "inside"],
    [{ mode: "refinement", session: "replay:/etc/passwd" }, "leads out of `working-directory`", "inside"],
    [{ config: "/etc/whetstone.yaml" }, "`config: /etc/whetstone.yaml` leads out", "inside"],
    [{ "working-directory": ".." }, "leads out of the workspace", "inside"],
    [{ "working-directory": "../repository" }, "leads out of the workspace", "inside"],
    [{ "dry-run": "yes" }, "neither true nor false", "`true` or `false`"],
    [{ DRY_RUN: "true" }, "no input `dry_run`", "`dry-run`"],
    [{ colour: "red" }, "no input `colour`", "working-directory"],
  ])("%j is refused: %s", (inputs, message, remedy) => {
    const error = refusal(inputs);
    expect(error.code).toBe("usage");
    expect(error.message).toContain(message);
    expect(error.remedy).toContain(remedy);
  });

  test("a folder whose name begins with two dots is inside", () => {
    expect(read({ "working-directory": "..data" }).folder).toBe("/work/repo/..data");
  });

  test("whatever is given: a refusal with a remedy, or paths inside the workspace and a mode that fits the session", () => {
    const path = fc.oneof(
      fc.string(),
      fc.constantFrom("a", "..", "../x", "/", "/work/repo/a", "a/../../b", "replay:a"),
    );
    const value = fc.oneof(path, fc.constantFrom("analysis", "refinement", "true", "false", ""));
    const inputs = fc.record(Object.fromEntries(INPUT_NAMES.map((name) => [name, value])));
    fc.assert(
      fc.property(inputs, (given) => {
        let result: LoopInputs;
        try {
          result = read(given);
        } catch (error) {
          expect(error).toMatchObject({ code: "usage", remedy: expect.stringMatching(/\S/) });
          return;
        }
        for (const place of [result.folder, result.config, result.recording ?? result.folder]) {
          expect(isAbsolute(place)).toBe(true);
          expect(relative("/work/repo", place)).not.toMatch(/^\.\.(\/|$)/);
        }
        expect(result.recording !== undefined).toBe(result.mode === "refinement");
      }),
      { numRuns: 2000 },
    );
  });
});
