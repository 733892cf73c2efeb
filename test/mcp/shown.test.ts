import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { boundName, boundNames } from "../../src/mcp/bound-names.ts";
import { shortIds } from "../../src/mcp/short-ids.ts";
import { shownIds } from "../../src/mcp/shown-ids.ts";
import { shownAttributes, shownName, shownText } from "../../src/mcp/shown.ts";
import { span, traceId } from "../store/spans.ts";

// oxlint-disable-next-line no-control-regex
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069]|<!--/;
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom("\u001b[31mred\u001b[0m", "a\u202eb", "<!-- hidden -->", "\u0000", "x\r\ny", "@everyone #1", "/exec"),
  fc.string({ unit: "grapheme", maxLength: 400 }),
);

describe("boundName", () => {
  test("keeps names of at most 160 characters", () => {
    const name = "n".repeat(160);
    expect(boundName(name)).toBe(name);
  });

  test("cuts longer ones and says so, with the length and a checksum that tells them apart", () => {
    const [one, other] = [`${"n".repeat(9_999)}1`, `${"n".repeat(9_999)}2`];
    expect(boundName(one)).toMatch(/^n{100} \[cut: 100 of 10000 characters, ~[0-9a-f]{8}\]$/);
    expect(boundName(one)).not.toBe(boundName(other));
  });

  test("is short, well-formed, and the same when done twice", () => {
    const long = fc.string({ unit: "binary", minLength: 120, maxLength: 400 });
    fc.assert(
      fc.property(long, (name) => {
        const bound = boundName(name);
        expect(bound.length).toBeLessThanOrEqual(160);
        expect(boundName(bound)).toBe(bound);
      }),
    );
  });

  test("spans with short names stay the same objects, those with long ones share the cut name", () => {
    const [plain, long] = [span(), span({ name: "x".repeat(500), service: "y".repeat(500) })];
    const [first, second] = boundNames([plain, long]);
    expect(first).toBe(plain);
    expect(second).toMatchObject({
      name: boundName("x".repeat(500)),
      service: boundName("y".repeat(500)),
      spanId: long.spanId,
    });
  });
});

describe("shown text", () => {
  test("holds nothing that hides, moves or reorders", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(shownName(text)).not.toMatch(HARMFUL);
        expect(shownText(text, 80)).not.toMatch(HARMFUL);
      }),
    );
  });

  test("is as short as asked for, plus the note that it was cut", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 2_000 }),
        fc.integer({ min: 10, max: 200 }),
        (text, most) => {
          const shown = shownText(text, most);
          expect(Array.from(shown).length).toBeLessThanOrEqual(most + 60);
          if (Array.from(shown).length > most) expect(shown).toContain("[cut:");
        },
      ),
    );
  });

  test("tells how long a very long text was", () => {
    expect(shownText("y".repeat(100_000), 50)).toBe(`${"y".repeat(50)} [cut: the text has 100000 characters]`);
  });

  test("replaces secrets by what they are", () => {
    expect(shownText(`token ghp_${"a".repeat(36)}`)).toBe("token [GitHub token]");
    expect(shownName(`GET /?key=AKIA${"A".repeat(16)}`)).toContain("[AWS access key id]");
  });
});

describe("shown attributes", () => {
  const caps = { key: 20, value: 30, most: 3 };

  test("keep numbers, truths and nothing; texts and structures are cleaned", () => {
    const { attributes, more } = shownAttributes({ a: 1, b: true, c: { d: ["\u001b[1m"] } }, caps);
    expect(attributes).toEqual({ a: 1, b: true, c: '{"d":["\\u001b[1m"]}' });
    expect(more).toBe(0);
  });

  test("are counted beyond the cap", () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, n]));
    expect(shownAttributes(many, caps)).toMatchObject({ more: 7, attributes: { k0: 0, k1: 1, k2: 2 } });
  });

  test("have keys that are cleaned and cut, too", () => {
    const { attributes } = shownAttributes({ ["k\u202e".repeat(40)]: "v".repeat(100) }, caps);
    const [key] = Object.keys(attributes);
    const [value] = Object.values(attributes);
    expect(key).not.toMatch(HARMFUL);
    expect(key).toContain("[cut:");
    expect(value).toBe(`${"v".repeat(30)} [cut: 30 of 100 characters shown]`);
  });
});

describe("shortIds", () => {
  const ids = fc.uniqueArray(
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: 16, maxLength: 16 }),
    {
      maxLength: 60,
    },
  );

  test("tell ids apart, by a beginning of one length that is at least 6", () => {
    fc.assert(
      fc.property(ids, (all) => {
        const short = shortIds(all);
        const shown = all.map(short);
        expect(new Set(shown).size).toBe(all.length);
        for (const [at, id] of all.entries()) expect(id.startsWith(shown[at] ?? "x")).toBe(true);
        if (shown.length > 0) expect(Math.min(...shown.map((id) => id.length))).toBeGreaterThanOrEqual(6);
      }),
    );
  });

  test("do so for ids that differ in the last digit only", () => {
    const short = shortIds(["0000000000000001", "0000000000000002"]);
    expect(short("0000000000000001")).toBe("0000000000000001");
  });
});

describe("shownIds", () => {
  test("knows what it has shown", () => {
    const ids = shownIds();
    const id = "0af7651916cd43dd8448eb211c80319c";
    expect(ids.shorten(id)).toBe("0af7651916cd");
    expect(ids.known("0af7651916cd")).toBe(id);
    expect(ids.known("0af7651916")).toBeUndefined();
  });

  test("shows an id in full that begins like another one", () => {
    const ids = shownIds();
    expect(ids.shorten(traceId(1))).toBe("000000000000");
    expect(ids.shorten(traceId(2))).toBe(traceId(2));
    expect(ids.known("000000000000")).toBe(traceId(1));
  });

  test("forgets the oldest beyond its limit", () => {
    const ids = shownIds(2);
    const all = ["a", "b", "c"].map((digit) => digit.repeat(32));
    for (const id of all) ids.shorten(id);
    expect(all.map((id) => ids.known(id.slice(0, 12)))).toEqual([undefined, all[1], all[2]]);
  });
});
