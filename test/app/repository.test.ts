import { describe, expect, test } from "@jest/globals";
import { appSettings } from "../../src/app/repository.ts";
import { codeOf } from "../../src/model/error.ts";
import { startCounterpart } from "./counterpart.ts";

describe("a repository as the App reaches it", () => {
  test("without whetstone.yaml the defaults hold, and there are no targets", async () => {
    await using counterpart = await startCounterpart();
    expect(await appSettings(counterpart.repository)).toMatchObject({
      approval: { starts: "nothing" },
      gate: { unknown: "reject" },
      rollback: { mode: "propose" },
    });
    expect((await counterpart.repository.config()).targets).toEqual({});
    expect(counterpart.github.violations).toEqual([]);
  });

  test("the configuration is the default branch's", async () => {
    const files = { "whetstone.yaml": "version: 1\napp:\n  gate: { unknown: approve }\n" };
    await using counterpart = await startCounterpart({ files });
    expect((await appSettings(counterpart.repository)).gate.unknown).toBe("approve");
  });

  test("a configuration that is none is an error, not the defaults", async () => {
    await using counterpart = await startCounterpart({ files: { "whetstone.yaml": "version: 1\napp: { gat: {} }\n" } });
    const failed = await appSettings(counterpart.repository).catch(codeOf);
    expect(failed).toBe("config_invalid");
  });

  test("who is no person, or has no right to write, has no role", async () => {
    await using counterpart = await startCounterpart();
    const { roles } = counterpart.repository.desk;
    expect(await roles.authorityOf({ type: "bot", id: "mallory" })).toBeUndefined();
    expect(await roles.authorityOf({ type: "person", id: "nobody" })).toBeUndefined();
  });
});
