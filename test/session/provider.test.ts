import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WhetstoneError } from "../../src/model/error.ts";
import { sessionEnvironment } from "../../src/session/claude/recipe.ts";
import { CLOUD_VARIABLES, modelProvider } from "../../src/session/provider.ts";

const KEY = "sk-ant-secret-1234";

describe("who answers for the model", () => {
  test("the API, with its key and its own place or another", () => {
    expect(modelProvider({ ANTHROPIC_API_KEY: KEY })).toEqual({
      kind: "anthropic",
      url: "https://api.anthropic.com",
      key: KEY,
    });
    const url = "http://127.0.0.1:1234/base";
    expect(modelProvider({ ANTHROPIC_API_KEY: ` ${KEY}\n`, ANTHROPIC_BASE_URL: url })).toEqual({
      kind: "anthropic",
      url,
      key: KEY,
    });
  });

  test.each([
    [{}, "ANTHROPIC_API_KEY"],
    [{ ANTHROPIC_API_KEY: " " }, "ANTHROPIC_API_KEY"],
    [{ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: "api.example" }, "ANTHROPIC_BASE_URL"],
    [{ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: "file:///etc/passwd" }, "ANTHROPIC_BASE_URL"],
    [{ CLAUDE_CODE_USE_BEDROCK: "1", CLAUDE_CODE_USE_VERTEX: "true" }, "bedrock and vertex"],
  ])("%j is refused by name, and no key is repeated", (env, named) => {
    const act = (): unknown => modelProvider(env);
    expect(act).toThrow(WhetstoneError);
    expect(act).toThrow(named);
    expect(act).not.toThrow(KEY);
  });

  test.each(["bedrock", "vertex", "foundry"] as const)("%s: its own variables pass, and nothing else", (cloud) => {
    const { use, pass } = CLOUD_VARIABLES[cloud];
    const others = {
      GITHUB_TOKEN: "t",
      ANTHROPIC_API_KEY: KEY,
      DATABASE_URL: "postgres://",
      HOME: "/root",
      PATH: "/x",
    };
    const given = Object.fromEntries(pass.map((name) => [name, `value of ${name}`]));
    const provider = modelProvider({ ...others, ...given, [use]: "1" });
    expect(provider).toEqual({ kind: cloud, env: { ...given, [use]: "1" } });
  });

  test("whatever the environment holds, only declared names pass", () => {
    const names = Object.values(CLOUD_VARIABLES).flatMap(({ use, pass }) => [use, ...pass]);
    const declared = new Set(names);
    const name = fc.oneof(fc.constantFrom(...names), fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), fc.constantFrom("bedrock", "vertex", "foundry"), (env, cloud) => {
        const off = { CLAUDE_CODE_USE_BEDROCK: "0", CLAUDE_CODE_USE_VERTEX: "", CLAUDE_CODE_USE_FOUNDRY: "no" };
        const provider = modelProvider({ ...env, ...off, [CLOUD_VARIABLES[cloud].use]: "true" });
        if (provider.kind === "anthropic") throw new Error("the switch was not seen");
        const passed = Object.keys(provider.env);
        expect(passed.filter((one) => !declared.has(one))).toEqual([]);
        expect(Object.values(provider.env)).not.toContain("");
      }),
    );
  });

  test("a session on a cloud provider gets its variables in place of key and gateway", () => {
    const common = { path: "/bin", home: "/h", temporary: "/t", baseUrl: "http://127.0.0.1:1", placeholderKey: "p" };
    const cloud = { CLAUDE_CODE_USE_BEDROCK: "1", AWS_REGION: "eu-central-1" };
    const env = sessionEnvironment({ ...common, cloud });
    expect(env).toMatchObject(cloud);
    expect(Object.keys(env).filter((name) => name.startsWith("ANTHROPIC_"))).toEqual([]);
    expect(sessionEnvironment(common)).toMatchObject({ ANTHROPIC_API_KEY: "p", ANTHROPIC_BASE_URL: common.baseUrl });
  });
});
