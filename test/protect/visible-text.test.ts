import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { characterName, visibleText } from "../../src/protect/visible-text.ts";
import { hostileText } from "./hostile-text.ts";

/** The same without a shortcut, one character at a time. */
function slowly(text: string): string {
  const whole = text.toWellFormed().replaceAll("\r\n", "\n");
  // oxlint-disable-next-line no-control-regex
  const plain = whole.replaceAll(/\u001b\[[0-9;:]*m/g, "");
  const hidden =
    /^(?:\p{Cf}|\p{Cc}|[\u2028\u2029\u3164\uffa0]|\u{17b4}|\u{17b5}|\u{115f}|\u{1160}|\u{34f}|[\u{180b}-\u{180f}]|[\u{fe00}-\u{fe0e}]|[\u{e0000}-\u{e0fff}])$/u;
  return Array.from(plain, (one) => (one !== "\n" && one !== "\t" && hidden.test(one) ? characterName(one) : one)).join(
    "",
  );
}

describe("visibleText", () => {
  test("every single character is shown as it is or by its name, alone and in company", () => {
    for (let code = 0; code <= 0x10ffff; code += code > 0x30000 && code < 0xdff00 ? 251 : 1) {
      const one = String.fromCodePoint(code);
      const [alone, among] = [visibleText(one), visibleText(`a${one}\u001b[1mé`)];
      if (alone !== slowly(one) || among !== slowly(`a${one}\u001b[1mé`))
        expect({ code, alone }).toEqual({ code, alone: slowly(one) });
    }
  });

  test("any text is shown as the slow way shows it, and twice as once", () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.string({ unit: "binary" })), (text) => {
        const shown = visibleText(text);
        expect(shown).toBe(slowly(text));
        expect(visibleText(shown)).toBe(shown);
      }),
      { numRuns: 2_000 },
    );
  });

  test("the sign that makes an emoji of a character stays", () => {
    expect(visibleText("\u2764\ufe0f")).toBe("\u2764\ufe0f");
  });
});
