import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CONTENT_ATTRIBUTES, isContentAttribute, isContentEvent } from "../../src/model/content.ts";
import { codeOf, fileFaultOf, messageOf, WhetstoneError } from "../../src/model/error.ts";
import { canonicalJson } from "../../src/model/json.ts";
import { editDistance, nearest } from "../../src/model/nearest.ts";
import { isPermitted, type Permission, ROLES } from "../../src/model/role.ts";
import { describeStop, isRunning, type StopFlag } from "../../src/model/stop.ts";

describe("edit distance", () => {
  const word = fc.string({ maxLength: 12 });

  /** The definition itself, without a table. */
  function naive(a: string, b: string): number {
    if (a === "" || b === "") return a.length + b.length;
    const same = naive(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
    return Math.min(same, naive(a.slice(1), b) + 1, naive(a, b.slice(1)) + 1);
  }

  test("is what its definition says", () => {
    const short = fc.string({ unit: fc.constantFrom("a", "b", "_"), maxLength: 5 });
    fc.assert(fc.property(short, short, (a, b) => expect(editDistance(a, b)).toBe(naive(a, b))));
  });

  test("is a metric", () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });

  test.each([
    ["servicename", "service_name"],
    ["SERVICE_NAME", "service_name"],
    ["maxtokens", "max_tokens"],
    ["trace", undefined],
    ["zzzzzzzzz", undefined],
  ])("the nearest of an argument %s is %s", (given, found) => {
    expect(nearest(given, ["service_name", "max_tokens", "time_range"])).toBe(found);
  });

  test("nothing is near where nothing is known", () => expect(nearest("a", [])).toBeUndefined());
});

describe("canonical JSON", () => {
  const digest = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

  test("says the same for every order of members, and reads back as the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as unknown;
        const turned = JSON.parse(JSON.stringify(plain), (_key, member: unknown) =>
          typeof member === "object" && member !== null && !Array.isArray(member)
            ? Object.fromEntries(Object.entries(member).reverse())
            : member,
        ) as unknown;
        expect(digest(turned)).toBe(digest(plain));
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      }),
    );
  });

  test.each([
    [{ b: 1, a: [true, null] }, '{"a":[true,null],"b":1}'],
    [{ a: undefined }, "{}"],
    [[undefined], "[null]"],
    [{ "\u00e9": 1, z: 2, Z: 3 }, '{"Z":3,"z":2,"\u00e9":1}'],
    [JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
  ])("%j is %s", (value, text) => expect(canonicalJson(value)).toBe(text));
});

describe("content, which is not kept unless asked", () => {
  test.each(CONTENT_ATTRIBUTES.map((name) => name.replaceAll("*", "any.thing\nelse")))("%j", (name) => {
    expect(isContentAttribute(name)).toBe(true);
    expect(isContentAttribute(`x${name}`)).toBe(false);
  });

  test.each([
    "gen_ai.tool.name",
    "mcp.method.name",
    "error.type",
    "gen_ai_prompt",
    "input_value",
    "user_prompt_length",
  ])("%s is none", (name) => expect(isContentAttribute(name)).toBe(false));

  test("events by their name", () => {
    expect(["gen_ai.user.message", "gen_ai.choice", "exception", "my.gen_ai."].map(isContentEvent)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

test("single calls are shown to no role that may see sums only, and sums to every role", () => {
  const may = (permission: Permission) => ROLES.filter((role) => isPermitted(role, permission));
  expect(may("aggregates")).toEqual([...ROLES]);
  expect(may("traces")).toEqual(ROLES.filter((role) => role !== "executive"));
});

describe("the kill switch", () => {
  const by = { type: "person", id: "ann" } as const;
  const stopped: StopFlag = {
    kind: "stopped",
    record: { schema: "whetstone.stop/1", by, at: "2026-01-02T03:04:05.000Z", why: "smoke" },
  };
  const flags: readonly StopFlag[] = [{ kind: "running" }, stopped, { kind: "unreadable", detail: "no JSON" }];
  const states = flags.flatMap((local) => flags.map((state) => ({ local, state })));

  test.each(states)("local $local.kind, state $state.kind: on only where both are read and absent", (state) => {
    const on = state.local.kind === "running" && state.state.kind === "running";
    expect(isRunning(state)).toBe(on);
    expect(describeStop(state) === undefined).toBe(on);
  });

  test("who and why, per place", () => {
    expect(describeStop({ local: stopped, state: { kind: "unreadable", detail: "no JSON" } })).toBe(
      "this machine: stopped by ann at 2026-01-02T03:04:05.000Z: smoke; branch whetstone/state: the flag cannot be read, which counts as stopped (no JSON)",
    );
  });
});

test("what the system says of files is told in words, anything else as it is", () => {
  const thrown = (code: string) => Object.assign(new Error(`${code}: open '/x'`), { code });
  expect(["ENOENT", "EISDIR", "EACCES", "EIO"].map((code) => fileFaultOf(thrown(code)))).toEqual([
    "there is no such file",
    "it is a folder",
    "this user has no permission for it",
    "EIO: open '/x'",
  ]);
  expect(fileFaultOf("odd")).toBe("odd");
});

describe("anything that was thrown", () => {
  test.each([
    [new Error("a"), "a", undefined],
    [new WhetstoneError("usage", "b"), "b", "usage"],
    [Object.assign(new Error("c"), { code: "ENOENT" }), "c", "ENOENT"],
    [{ message: "d", code: 7 }, "d", undefined],
    ["e", "e", undefined],
    [null, "null", undefined],
    [undefined, "undefined", undefined],
    [{ message: 1 }, "[object Object]", undefined],
  ])("%p has a message and perhaps a code", (thrown, message, code) => {
    expect([messageOf(thrown), codeOf(thrown)]).toEqual([message, code]);
  });
});
