import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { commandNamed, commandOf, COMMANDS } from "../../../src/app/commands/catalogue.ts";

describe("the commands", () => {
  test("are each described in docs/commands.md and have a word of their own", async () => {
    const page = await readFile("docs/commands.md", "utf8");
    for (const { word } of COMMANDS) expect(page).toContain(`/whetstone ${word}`);
    expect(new Set(COMMANDS.map(({ word }) => word)).size).toBe(COMMANDS.length);
    expect(COMMANDS).toHaveLength(12);
  });

  test.each(["canary", "promote", "rollback"])("%s is for pull requests", (word) => {
    const written = [{ word, rest: "" }];
    expect(commandOf(written, { isPull: true }).word).toBe(word);
    expect(() => commandOf(written, { isPull: false })).toThrow(/is about a pull request/);
  });

  test("an unknown word names the nearest, or all", () => {
    expect(() => commandNamed("canari")).toThrow(/no command "canari"/);
    expect(() => commandNamed("constructor")).toThrow(/no command/);
  });
});
