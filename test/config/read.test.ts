import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import { readConfig, selectTarget } from "../../src/config/read.ts";
import { parseConfig } from "../../src/config/parse.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

const two = `version: 1
targets:
  notes: { command: a, source: [s], workload: w }
  files: { command: a, source: [s], workload: w }
`;

describe("readConfig", () => {
  test("a missing file is config_missing and says how to get one", async () => {
    await expect(readConfig(join(folder, "none.yaml"))).rejects.toMatchObject({
      code: "config_missing",
      remedy: expect.stringContaining("whetstone init"),
    });
  });

  test("a folder in its place is config_invalid", async () => {
    await expect(readConfig(folder)).rejects.toMatchObject({ code: "config_invalid" });
  });

  test("reads a file", async () => {
    const file = join(folder, "whetstone.yaml");
    await writeFile(file, two);
    expect(Object.keys((await readConfig(file)).targets)).toEqual(["notes", "files"]);
  });
});

describe("selectTarget", () => {
  const config = parseConfig(two, "f");

  test("takes the named one, or the only one", () => {
    expect(selectTarget(config, "files").name).toBe("files");
    const only = { ...config, targets: { notes: config.targets["notes"]! } };
    expect(selectTarget(only, undefined).name).toBe("notes");
  });

  test.each([
    ["notse", 'Did you mean "notes"?'],
    [undefined, "Choose one with --target: notes, files."],
    ["elsewhere", "Choose one with --target"],
  ])("refuses %s with target_unknown", (name, remedy) => {
    expect(() => selectTarget(config, name)).toThrow(
      expect.objectContaining({ code: "target_unknown", remedy: expect.stringContaining(remedy) }),
    );
  });

  test("without any target says where to add one", () => {
    expect(() => selectTarget({ ...config, targets: {} }, undefined)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("targets:") }),
    );
  });
});

describe("parseEnv", () => {
  test("keeps no secret and passes only what a child needs", () => {
    const env = parseEnv({
      PATH: "/bin",
      ANTHROPIC_API_KEY: "dummy",
      DATABASE_URL: "",
      CI: "true",
      NODE_OPTIONS: "--require evil",
    });
    expect(env).toEqual({ databaseUrl: undefined, hasModelKey: true, ci: true, colour: true, child: { PATH: "/bin" } });
    expect(JSON.stringify(env)).not.toContain("dummy");
  });

  test("NO_COLOR and a dumb terminal switch colours off", () => {
    expect(parseEnv({ NO_COLOR: "1" }).colour).toBe(false);
    expect(parseEnv({ TERM: "dumb" }).colour).toBe(false);
  });
});
