import { expect, test } from "@jest/globals";
import { ruleText } from "../../src/learn/text.ts";
import { minePatterns } from "../../src/learn/patterns.ts";
import { REASON_CODE_LIST } from "../../src/model/codes.ts";
import { FindingKind } from "../../src/model/finding.ts";
import { outcome } from "./outcomes.ts";

const every = [
  ...FindingKind.options.map((kind) => outcome({ findings: [kind] })),
  ...REASON_CODE_LIST.map((reason) => outcome({ status: "rejected", reasons: [reason] })),
].flatMap((one) => minePatterns([one]));

test("every text is short, at most two sentences, names its finding, and holds no number", () => {
  const texts = every.map((pattern) => [pattern, ruleText(pattern)] as const).filter(([, text]) => text !== undefined);
  expect(texts.length).toBeGreaterThan(15);
  for (const [pattern, text] of texts) {
    expect(text?.length).toBeLessThanOrEqual(400);
    expect(text?.match(/\.( |$)/g)?.length).toBeLessThanOrEqual(2);
    expect(text).toContain(pattern.finding);
    expect(text).not.toMatch(/\d/);
  }
  expect(new Set(texts.map(([, text]) => text)).size).toBe(texts.length);
});

test("what the author of a change cannot heed gives no text", () => {
  for (const reason of ["base_moved", "disabled", "api_error", "interrupted"]) {
    const pattern = every.find((p) => p.kind === "recurring_failure" && p.reason === reason);
    if (pattern) expect(ruleText(pattern)).toBeUndefined();
  }
  expect(every.some((p) => p.reason === "base_moved")).toBe(true);
});
