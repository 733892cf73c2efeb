import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { splitWords } from "../../src/cli/words.ts";

describe("splitWords", () => {
  test.each([
    ["node server.js", ["node", "server.js"]],
    ["  node\t'a b'  \"c d\" ", ["node", "a b", "c d"]],
    [String.raw`a\ b "q\"\\n" 'it\s' x"y"'z'`, ["a b", String.raw`q"\n`, String.raw`it\s`, "xyz"]],
    ["'' \"\"", ["", ""]],
  ])("%s", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test.each(["", "   ", "node 'open", 'node "open', "node \\"])("%j is no command", (text) => {
    expect(() => splitWords(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("splits as the shell does, whatever is quoted", () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "ü", "-", "=") }),
      fc.string({ unit: fc.constantFrom("a", " ", '"', "\\", "$", "\t") }).map((text) => `'${text}'`),
      fc.string({ unit: fc.constantFrom("a", " ", "'", '\\"', "\\\\", "\\n") }).map((text) => `"${text}"`),
      fc.constantFrom("\\ ", "\\'", '\\"', "\\\\"),
    );
    const words = fc.array(
      fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join("")),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(words, (given) => {
        const text = given.join("  ");
        if (text.trim() === "") return;
        const shell = spawnSync("sh", ["-c", `printf '%s\\0' ${text}`], { encoding: "utf8" });
        expect([...splitWords(text)]).toEqual(shell.stdout.split("\0").slice(0, -1));
      }),
      { numRuns: 60 },
    );
  });
});
