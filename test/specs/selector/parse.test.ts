import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WhetstoneError } from "../../../src/model/error.ts";
import { parseSelector, parseSpanPredicate } from "../../../src/specs/selector/parse.ts";
import { SELECTOR_LIMITS } from "../../../src/specs/selector/reader.ts";

function failure(text: string, parse = parseSelector): WhetstoneError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof WhetstoneError) return error;
    throw error;
  }
  throw new Error(`${text} was read`);
}

describe("a selector that cannot be read", () => {
  test.each([
    ["", 1, "a selector such as"],
    ["span.x = 1", 1, "a selector such as"],
    ["{ span.x = 1", 13, "an operator or a closing brace"],
    ["{ span.x = 1 } }", 16, "more than a selector"],
    ["{ span.x = }", 12, "a value such as"],
    ["{ span.x 1 }", 10, "an operator or a closing brace"],
    ["{ = 1 }", 3, "a field such as"],
    ["{ span:nmae = 1 }", 3, "span:nmae is unknown: did you mean span:name?"],
    ["{ span:whatever = 1 }", 3, "span:whatever is unknown: there are span:name"],
    ["{ span:name }", 13, "an operator such as ="],
    ["{ span:name = a }", 15, "a is neither a value nor a field"],
    ['{ span:name = "a }', 15, "the text is not closed"],
    ["{ span:duration > 2 }", 19, "a duration with a unit"],
    ["{ span:duration in [2ms, 3] }", 26, "a duration with a unit"],
    ["{ span:status = eror }", 17, "eror is neither a value nor a field"],
    ['{ span:status = "eror" }', 17, "did you mean error?"],
    ["{ span:status = client }", 17, "one of unset, ok, error is expected"],
    ["{ span:kind = ok }", 15, "one of internal, server"],
    ['{ span.x =~ "(a" }', 14, "in this pattern: the group is not closed"],
    ['{ span.x =~ "a(?=b)" }', 15, "look-around"],
    ["{ span.x =~ span.y }", 13, "=~ needs a pattern that is written out"],
    ['{ span.x =~ "${y}" }', 20, "=~ needs a pattern that is written out"],
    ["{ span.x < nil }", 12, "nil is compared with = and != only"],
    ["{ span.x in 1 }", 13, "a list such as [1, 2]"],
    ["{ span.x in [] }", 14, "a value is expected"],
    ["{ span.x in [1 2] }", 16, "a comma or a closing bracket"],
    ['{ span.x in ["${a}"] }', 14, "a captured value is compared with"],
    ["{ span.x is blob }", 13, "a type is expected: string"],
    ["{ span.x contains }", 19, "a value is expected"],
    ["{ span.x -> x = 1 }", 13, "a JSON path in quotes"],
    ['{ span.x -> "$.a[" = 1 }', 17, "this is no JSON path"],
    ["{ (span.x = 1 }", 15, "an operator or a closing bracket"],
    ["({ span.x = 1 }", 16, "a closing bracket"],
    ["{ span.x = 1 } >", 17, "a selector such as"],
    ["{ span.x = 1 } && ", 19, "a selector such as"],
    ["{ span.x = 1 } | rate()", 18, "rate() is not supported; there are count()"],
    ["{ span.x = 1 } | ", 18, "a function is expected"],
    ["{ } | count( > 1", 14, "a closing bracket"],
    ["{ } | count()", 14, "a comparison such as > 3"],
    ["{ } | count() > x", 17, "x is neither a value"],
    ['{ } | count() > "x"', 17, "a number is expected"],
    ["{ } | avg() > 1", 11, "a field such as"],
    ["{ } | avg(span:duration) > 1", 28, "a duration with a unit"],
    ["{ true && }", 11, "a field such as"],
    ["{ span.a = 1 & span.b = 2 }", 14, "an operator or a closing brace"],
  ])("%j: position %d", (text, position, words) => {
    const error = failure(text);
    expect(error.code).toBe("spec_invalid");
    expect(error.message).toContain(words);
    expect(error.message).toContain(`(position ${position})`);
    expect(error.data["offset"]).toBe(position - 1);
    const [, shown = "", caret = ""] = error.message.split("\n");
    expect(shown.slice(2).charAt(caret.indexOf("^") - 2)).toBe(text.charAt(position - 1));
  });

  test("is cut around the position when it is long", () => {
    const error = failure(`{ ${"span.x = 1 && ".repeat(100)} span.y ? }`);
    const [, shown = "", caret = ""] = error.message.split("\n");
    expect(shown.length).toBeLessThan(130);
    expect(shown.charAt(caret.indexOf("^"))).toBe("?");
  });

  test("too long or too deep is refused, not a full stack", () => {
    expect(failure(`{ span.x = "${"a".repeat(SELECTOR_LIMITS.characters)}" }`).message).toContain("longer than");
    expect(failure(`${"(".repeat(100)}{ }`).message).toContain("nested too deep");
    expect(failure(`{ ${"(".repeat(100)}true }`).message).toContain("nested too deep");
    expect(failure(`{ ${"!".repeat(100)}true }`).message).toContain("nested too deep");
  });

  test("never throws anything else", () => {
    const words = [
      "{",
      "}",
      "(",
      ")",
      "span.x",
      "span:name",
      "=",
      "=~",
      ">",
      ">>",
      "!",
      "&&",
      "||",
      "|",
      '"a"',
      "1",
      "2s",
      "nil",
      "in",
      "[",
      "]",
      "count()",
      "->",
      "ok",
      " ",
      "~",
      "&",
      "<",
      ",",
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 }))), (parts) => {
        try {
          parseSelector(parts.join(" "));
        } catch (error) {
          expect(error).toMatchObject({ code: "spec_invalid" });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a selector that can be read", () => {
  test("white space does not matter, text in quotes does", () => {
    const dense = parseSelector('{span.x=1&&span.y="a b"}>>{name="c"}|count()>2');
    const wide = parseSelector('\n{ span.x = 1\t&& span.y = "a b" } >> { name = "c" }\n | count( ) > 2 ');
    expect(wide).toEqual(dense);
  });

  test("quotes and escapes", () => {
    const valueOf = (text: string) => {
      const selector = parseSelector(`{ span.x = ${text} }`);
      return selector.kind === "spans" && selector.where.kind === "test" ? selector.where.condition : undefined;
    };
    expect(valueOf('"a\\"b"')).toEqual({ op: "=", value: 'a"b' });
    expect(valueOf("'it\\'s'")).toEqual({ op: "=", value: "it's" });
    expect(valueOf("`\\d`")).toEqual({ op: "=", value: "\\d" });
    expect(valueOf('"\\d\\n\\\\"')).toEqual({ op: "=", value: "\\d\n\\" });
    expect(valueOf("-1.5e3")).toEqual({ op: "=", value: -1500 });
    expect(valueOf("-2ms")).toEqual({ op: "=", value: -2e6 });
    expect(valueOf("true")).toEqual({ op: "=", value: true });
  });

  test("&& binds more than ||, structure more than both", () => {
    const selector = parseSelector("{ } || { } && { } > { }");
    expect(selector).toMatchObject({
      kind: "either",
      right: { kind: "both", right: { kind: "relation", relation: ">" } },
    });
    expect(parseSelector("{ } > { } >> { }")).toMatchObject({ relation: ">>", left: { relation: ">" } });
  });

  test("any text can be a quoted value", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 50 }).filter((text) => !text.includes("${")),
        (text) => {
          const quoted = `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
          expect(parseSelector(`{ span.x = ${quoted} }`)).toMatchObject({
            where: { condition: { op: "=", value: text } },
          });
        },
      ),
    );
  });
});

describe("a question about one span", () => {
  test("stands with or without braces", () => {
    expect(parseSpanPredicate("span.x = 1 && span:duration < 2s")).toEqual(
      parseSelector("{ span.x = 1 && span:duration < 2s }"),
    );
    expect(parseSpanPredicate("{ span.x = 1 }")).toEqual(parseSelector("{ span.x = 1 }"));
  });

  test("is about one span", () => {
    expect(failure("{ span.x = 1 } > { }", parseSpanPredicate).message).toContain("one pair of braces is expected");
    expect(failure("span.x = 1 }", parseSpanPredicate).message).toContain("an operator or the end is expected");
  });
});
