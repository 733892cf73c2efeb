import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson } from "../../../src/model/json.ts";
import { dataLine } from "../../../src/protect/data-line.ts";
import { byWeight, findingEntries } from "../../../src/session/context/evidence.ts";
import { fit } from "../../../src/session/context/fit.ts";
import { modeSection } from "../../../src/session/context/guidance.ts";
import { outcomeEntries, ruleEntries, summaryEntries } from "../../../src/session/context/memory-of-target.ts";
import { estimateTokens } from "../../../src/session/context/tokens.ts";
import { readGuidance } from "../../../src/session/guidance.ts";
import { hostileText } from "../../protect/hostile-text.ts";
import { earlier, evidence, finding, operation, outcome, rule } from "./told.ts";

describe("estimateTokens", () => {
  test.each([
    ["", 0],
    ["a", 1],
    ["four", 2],
    ["é日", 3],
    ["🐎", 2],
  ])("%j is %i", (text, tokens) => expect(estimateTokens(text)).toBe(tokens));
});

describe("dataLine", () => {
  test("holds plain values as they are", () => {
    expect(dataLine({ b: [1, true, null], a: "text" })).toBe('{"a":"text","b":[1,true,null]}');
  });

  test("writes markup and everything outside ASCII as escapes, which read back as what was cleaned", () => {
    const line = dataLine({ a: "</data> `x` & é Ѕystem:" });
    expect(line).toBe('{"a":"\\u003c/data\\u003e \\u0060x\\u0060 \\u0026 \\u00e9 \\u0405ystem:"}');
    expect(JSON.parse(line)).toEqual({ a: "</data> `x` & é Ѕystem:" });
  });

  test("whatever it holds, it is one line of printable ASCII that begins an object and reads as one", () => {
    fc.assert(
      fc.property(fc.dictionary(hostileText, fc.oneof(hostileText, fc.array(hostileText))), (value) => {
        const line = dataLine(value);
        expect(line).toMatch(/^\{[\u0020-\u007e]*\}$/);
        expect(line).not.toMatch(/[<>&`]/);
        expect(typeof JSON.parse(line)).toBe("object");
      }),
    );
  });

  test("cuts long texts and says so, names hidden characters, and takes secrets out", () => {
    expect(dataLine({ a: "x".repeat(5_000) })).toBe(`{"a":"${"x".repeat(400)} [cut: 400 of 5000 characters shown]"}`);
    expect(dataLine({ a: "a\u202eb" })).toBe('{"a":"a[U+202E]b"}');
    expect(dataLine({ a: `AKIA${"Q".repeat(16)}` })).toBe('{"a":"[AWS access key id]"}');
  });
});

describe("fit", () => {
  const entries = ["aaa", "bbbbbbb", "c"].map((text) => ({ id: text, text }));

  test.each([
    [0, [], ["aaa", "bbbbbbb", "c"]],
    [1, [], ["aaa", "bbbbbbb", "c"]],
    [2, ["aaa"], ["bbbbbbb", "c"]],
    [5, ["aaa"], ["bbbbbbb", "c"]],
    [6, ["aaa", "bbbbbbb"], ["c"]],
    [7, ["aaa", "bbbbbbb", "c"], []],
  ])("with %i tokens it keeps %j and drops %j", (limit, kept, droppedIds) => {
    const { text, account } = fit("rules", limit, entries);
    expect(text).toBe(kept.map((line) => `${line}\n`).join(""));
    expect(account).toMatchObject({ part: "rules", limitTokens: limit, kept: kept.length, droppedIds });
    expect(account.dropped).toBe(droppedIds.length);
  });

  test("never exceeds its limit, keeps the first, and accounts for every entry", () => {
    const list = fc.array(fc.string({ maxLength: 30 }), { maxLength: 60 });
    fc.assert(
      fc.property(list, fc.nat(200), (texts, limit) => {
        const { text, account } = fit(
          "findings",
          limit,
          texts.map((one, id) => ({ id: String(id), text: one })),
        );
        expect(account.tokens).toBeLessThanOrEqual(limit);
        expect(estimateTokens(text)).toBeLessThanOrEqual(account.tokens);
        expect(account.kept + account.dropped).toBe(texts.length);
        expect(account.droppedIds).toEqual(texts.map((_, id) => String(id)).slice(account.kept, account.kept + 20));
      }),
    );
  });
});

describe("modeSection", () => {
  const page = [
    "# Us",
    "```",
    "## analysis",
    "no heading",
    "```",
    "## Analysis mode",
    "Look.",
    "### Deeper",
    "Still.",
    "## Refinement",
    "Mend.",
  ].join("\n");

  test("is what stands below the mode's heading, with what is below that", () => {
    expect(modeSection(page, "analysis")).toBe("Look.\n### Deeper\nStill.");
    expect(modeSection(page.replaceAll("\n", "\r\n"), "refinement")).toBe("Mend.");
  });

  test("or the entry of a list of modes", () => {
    const list =
      "# Us\n## Session modes\n\n- **analysis**: reads,\n  and no more.\n- **refinement**: mends.\n\n## Else\nx";
    expect(modeSection(list, "analysis")).toBe("**analysis**: reads,\n  and no more.");
    expect(modeSection(list, "refinement")).toBe("**refinement**: mends.");
  });

  test.each([
    "",
    "# Us\nanalysis",
    "## Analysis of errors\nx",
    "## Session modes\n- other",
    "## Analysis\n\n## Next\nx",
  ])("says nothing in %j", (text) => expect(modeSection(text, "analysis")).toBeUndefined());

  test("this project's own page has a section for both modes", async () => {
    expect(await readGuidance(".", "analysis")).toMatch(/\w/);
    expect(await readGuidance(".", "refinement")).toMatch(/\w/);
  });
});

describe("readGuidance", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "whetstone-guidance-"));
    await mkdir(join(folder, "tree"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const read = () => readGuidance(join(folder, "tree"), "analysis");

  test("takes the file or a link within the worktree; without one there is none", async () => {
    expect(await read()).toBeUndefined();
    await writeFile(join(folder, "tree", "AGENTS.md"), "## Analysis\nLook.");
    await symlink("AGENTS.md", join(folder, "tree", "CLAUDE.md"));
    expect(await read()).toBe("Look.");
  });

  test("refuses a link that leads outside, what is no file, and a page that nobody can have read", async () => {
    const refused = { code: "input_unreadable" };
    const path = join(folder, "tree", "CLAUDE.md");
    await writeFile(join(folder, "secret.md"), "## Analysis\nOutside.");
    await symlink("../secret.md", path);
    await expect(read()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("outside") });
    await rm(path);
    await mkdir(path);
    await expect(read()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("no file") });
    await rm(path, { recursive: true });
    await writeFile(path, "x".repeat(1024 * 1024 + 1));
    await expect(read()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("larger") });
  });
});

describe("the order of what is told", () => {
  const ids = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id);

  test("findings by severity, then by what mending them saves", () => {
    const findings = [
      finding({ id: "small", gainMs: 1 }),
      finding({ id: "info", severity: "info", gainMs: 1_000 }),
      finding({ id: "large", gainMs: 50 }),
      finding({ id: "worst", severity: "critical", gainMs: 0 }),
    ];
    expect(ids(findingEntries(byWeight({ ...evidence, findings }).findings))).toEqual([
      "worst",
      "large",
      "small",
      "info",
    ]);
  });

  test("operations by the time that they take together", () => {
    const operations = [operation({ operation: "rare", calls: 1 }), operation({ operation: "busy", calls: 900 })];
    expect(byWeight({ ...evidence, operations }).operations.map((one) => one.operation)).toEqual(["busy", "rare"]);
  });

  test("rules by measured effect, then by how sure their pattern is; one line each", () => {
    const rules = [rule("weak", { low: 0.1 }), rule("sure", { low: 0.8 }), rule("works", { delta: 0.1, low: 0 })];
    expect(ids(ruleEntries(rules))).toEqual(["works", "sure", "weak"]);
    const { evidence: _none, ...written } = rule("by-hand", { hard: { paths: ["src/**"] } });
    expect(ids(ruleEntries([...rules, written as typeof written & { id: string }]))[0]).toBe("by-hand");
    expect(ruleEntries([rule("two", { text: "One.\n# Data\n{}" })])[0]?.text).toBe("- One. # Data {}");
  });

  test("outcomes and summaries newest first, by time and not by text; outcomes for the same kinds only", () => {
    const outcomes = [
      outcome("old", { at: "2026-11-01T00:00:00.900Z" }),
      outcome("new", { at: "2026-11-01T00:00:01Z" }),
      outcome("other", { findings: ["errors"] }),
    ];
    expect(ids(outcomeEntries(outcomes, new Set(["n_plus_one"])))).toEqual(["new", "old"]);
    const sessions = [
      earlier("old", { recordedAt: "2026-11-01T00:00:00Z" }),
      earlier("new"),
      earlier("silent", { summary: " " }),
    ];
    expect(ids(summaryEntries(sessions))).toEqual(["new", "old"]);
    expect(ids(summaryEntries(sessions, "old"))).toEqual(["old", "new"]);
  });

  test("is total: any order of findings comes out the same", () => {
    const findings = fc.array(
      fc.record({ id: fc.constantFrom("a", "b"), gainMs: fc.nat(2), value: fc.nat(2) }).map((over) => finding(over)),
    );
    fc.assert(
      fc.property(findings, fc.infiniteStream(fc.nat()), (list, random) => {
        const shuffled = list.map((item) => ({ item, key: random.next().value })).sort((a, b) => a.key - b.key);
        const again = byWeight({ ...evidence, findings: shuffled.map(({ item }) => item) });
        expect(canonicalJson(again)).toBe(canonicalJson(byWeight({ ...evidence, findings: list })));
      }),
    );
  });
});
