import { describe, expect, test } from "@jest/globals";
import { givenInputs, runUrl, secretsOf, workflowActor } from "../../src/actions/job.ts";
import { CONTEXT } from "../support/action-job.ts";

describe("secretsOf", () => {
  test("nothing is masked when nothing is secret: an empty mask would blank the whole log", () => {
    expect(secretsOf({ PATH: "/bin", ANTHROPIC_API_KEY: "", DATABASE_URL: undefined, GITHUB_TOKEN: " \n " })).toEqual(
      [],
    );
  });

  test("keys, each line of them, and the password of the database in both spellings", () => {
    const url = "postgres://user:p%40ss@db.test/x";
    expect(secretsOf({ ANTHROPIC_API_KEY: "one\ntwo\r\n", DATABASE_URL: url })).toEqual([
      "one",
      "two",
      url,
      "p%40ss",
      "p@ss",
    ]);
  });

  test("whatever is named like a secret, unless it is too short to be one", () => {
    const env = {
      INPUT_TOKEN: "ghs_12345678",
      npm_config_password: "long enough",
      MY_KEY: "1",
      KEYBOARD: "querty-layout",
    };
    expect(secretsOf(env)).toEqual(["ghs_12345678", "long enough"]);
  });

  test("a database file has no password, a stray percent sign is no reason to fail", () => {
    expect(secretsOf({ DATABASE_URL: "file.db" })).toEqual(["file.db"]);
    expect(secretsOf({ DATABASE_URL: "postgres://u:a%zz@h/x" })).toEqual(["postgres://u:a%zz@h/x", "a%zz"]);
  });
});

test("givenInputs names what is set, as it is written in a workflow", () => {
  const env = { "INPUT_DRY-RUN": "true", INPUT_MODE: "", INPUT_COLOUR: "red", OTHER: "x", INPUT_TARGET: undefined };
  expect(givenInputs(env)).toEqual(["dry-run", "colour"]);
});

describe("workflowActor", () => {
  test("names the run and who started it", () => {
    expect(workflowActor(CONTEXT)).toEqual({ type: "workflow", id: "o/r/actions/runs/17 by octocat" });
    expect(runUrl(CONTEXT)).toBe("https://github.test/o/r/actions/runs/17");
  });

  test.each([{ runId: Number.NaN }, { actor: "" }])("outside a job there is no actor: %j", (part) => {
    expect(() => workflowActor({ ...CONTEXT, ...part })).toThrow(
      expect.objectContaining({ code: "usage", remedy: expect.stringContaining("--local") }),
    );
  });
});
