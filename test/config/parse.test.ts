import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseConfig, splitCommand } from "../../src/config/parse.ts";
import { Config } from "../../src/config/schema.ts";
import { configTemplate } from "../../src/config/template.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { nearest } from "../../src/model/nearest.ts";

function failure(text: string): WhetstoneError {
  try {
    parseConfig(text, "whetstone.yaml");
  } catch (error) {
    if (error instanceof WhetstoneError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

const minimal = `version: 1
targets:
  notes:
    command: node server.js
    source: ["src/**"]
    workload: workload.json
`;

describe("parseConfig", () => {
  test("retention has ages, or forever, and a size only when one is given", () => {
    const retention = (text: string) => parseConfig(`version: 1\nretention: ${text}\n`, "w.yaml").retention;
    expect(retention("{}")).toEqual({ traces: "30d", errors: "90d", rollups: "90d", metrics: "30d", logs: "30d" });
    expect(retention("{ traces: 12h, errors: forever, size: 10GB }")).toEqual({
      traces: "12h",
      errors: "forever",
      rollups: "90d",
      metrics: "30d",
      logs: "30d",
      size: "10GB",
    });
    for (const wrong of ["{ traces: 30 }", "{ errors: never }", "{ size: 10 }", "{ size: 10 GB }", "{ ages: 1d }"]) {
      expect(failure(`version: 1\nretention: ${wrong}\n`)).toMatchObject({ code: "config_invalid" });
    }
  });

  test("fills in the defaults", () => {
    const { targets, db } = parseConfig(minimal, "whetstone.yaml");
    expect(db).toBe(".whetstone/whetstone.db");
    expect(targets["notes"]).toMatchObject({
      checks: [],
      canary: { weight: 0.5, alpha: 0.05, beta: 0.05, margin: 2, concurrency: 8 },
      replay: { rounds: 2 },
      limits: { files: 10 },
    });
  });

  test.each([
    [
      "an unknown key names the nearest",
      minimal.replace("workload:", "worklaod:"),
      'unknown key "worklaod"',
      'Did you mean "workload"?',
    ],
    [
      "a nested unknown key",
      `${minimal}    canary: { wieght: 0.5 }\n`,
      'unknown key "wieght" in targets.notes.canary',
      '"weight"',
    ],
    [
      "an unknown key far from all lists them",
      `${minimal}zzzzzz: 1\n`,
      'unknown key "zzzzzz" at the top level',
      "Known keys: version, db, targets",
    ],
    ["a wrong type", `${minimal}    canary: { weight: much }\n`, "targets.notes.canary.weight", "expected number"],
    ["a value out of range", `${minimal}    canary: { weight: 1 }\n`, "targets.notes.canary.weight", "<1"],
    [
      "a missing key",
      minimal.replace("    command: node server.js\n", ""),
      "targets.notes.command",
      "is required but missing",
    ],
    ["broken YAML", "version: 1\ntargets: [\n", "not valid YAML", "whetstone.yaml:"],
    ["an alias of nothing", "*!", "not valid YAML", "whetstone.yaml"],
    ["an empty file", "", "version", "required"],
    ["another version", minimal.replace("version: 1", "version: 2"), "version", "expected 1"],
  ])("%s", (_name, text, ...[first, second]) => {
    const error = failure(text);
    expect(error.code).toBe("config_invalid");
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(first);
    expect(error.message).toContain(second);
    expect(error.remedy).toBeDefined();
  });

  test("names line and column", () => {
    expect(failure(`${minimal}    canary: { weight: much }\n`).message).toMatch(/^whetstone\.yaml:7:23: /);
  });

  test("lists every fault at once", () => {
    expect(
      failure(minimal.replace("workload:", "worklaod:").replace("source:", "sauce:")).message.split("\n").length,
    ).toBeGreaterThan(2);
  });

  test("never throws anything but config_invalid", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseConfig(text, "f");
        } catch (error) {
          expect(error).toBeInstanceOf(WhetstoneError);
          expect((error as WhetstoneError).code).toBe("config_invalid");
        }
      }),
    );
  });
});

test("the template of init names every part of the configuration, and its comments state the defaults", () => {
  const text = configTemplate({ name: "notes", command: "node server.js" });
  for (const key of Object.keys(Config.shape)) expect(text).toMatch(new RegExp(`^(?:# )?${key}:`, "m"));
  const told = text.replaceAll(/^# (session|learning|app):((?:\n# .*)+)/gm, (block) => block.replaceAll(/^# /gm, ""));
  expect(parseConfig(told, "told.yaml")).toEqual(parseConfig(text, "whetstone.yaml"));
  expect(told).not.toBe(text);
});

test("the template of init is a valid configuration with the defaults that it states", () => {
  const config = parseConfig(configTemplate({ name: "my-server", command: 'node "my server.js"' }), "whetstone.yaml");
  const bare = parseConfig(minimal, "whetstone.yaml").targets["notes"];
  const target = config.targets["my-server"];
  expect(target?.command).toBe('node "my server.js"');
  expect({ canary: target?.canary, replay: target?.replay, limits: target?.limits }).toEqual({
    canary: bare?.canary,
    replay: bare?.replay,
    limits: bare?.limits,
  });
});

describe("nearest", () => {
  test("finds a word behind one typing slip, and the word itself", () => {
    const known = ["command", "source", "workload", "checks", "prepare", "replay", "canary", "limits"];
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(), fc.constantFrom("swap", "drop", "same"), (word, at, slip) => {
        const i = at % (word.length - 1);
        const swapped = word.slice(0, i) + (word[i + 1] ?? "") + (word[i] ?? "") + word.slice(i + 2);
        const typed = { swap: swapped, drop: word.slice(0, i) + word.slice(i + 1), same: word }[slip];
        expect(nearest(typed, known)).toBe(word);
      }),
    );
  });

  test("says nothing when nothing is near", () => {
    expect(nearest("zzzzzzzz", ["command"])).toBeUndefined();
  });
});

describe("splitCommand", () => {
  test("splits at white space outside quotes", () => {
    expect(splitCommand(`node "my server.js" --name='a b'  x`)).toEqual(["node", "my server.js", "--name=a b", "x"]);
  });

  test("words without quotes or spaces survive joining and splitting; lists stay", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\w./=-]+$/), { minLength: 1 }), (words) => {
        expect(splitCommand(words.join(" "))).toEqual(words);
        expect(splitCommand(words)).toBe(words);
      }),
    );
  });
});
