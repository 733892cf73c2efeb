import { describe, expect, test } from "@jest/globals";
import { buildEvidence, DEFAULT_EVIDENCE_LIMITS } from "../../src/analyze/evidence.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { Evidence } from "../../src/model/finding.ts";
import { inSequence, repeat, toolCall, type Plan } from "./population.ts";

const WINDOW = { since: "2025-11-13T00:00:00Z", until: "2025-11-14T00:00:00Z" };
const search = (reads: number, tool = "search_notes"): Plan =>
  toolCall(tool, reads + 5, { children: inSequence("notes.read_file", reads) });

describe("buildEvidence", () => {
  const spans = repeat(20, () => search(40));

  test("counts traces and spans, and holds the finding and the operation", () => {
    const evidence = buildEvidence({ target: "notes", window: WINDOW, spans });
    expect(Evidence.parse(evidence)).toEqual(evidence);
    expect(evidence).toMatchObject({ target: "notes", traces: 20, spans: 20 * 42, window: WINDOW });
    expect(evidence.operations).toMatchObject([{ operation: "tools/call search_notes", calls: 20, errors: 0 }]);
    expect(evidence.findings.map(({ id }) => id)).toEqual(["n_plus_one:notes:tools/call search_notes"]);
    expect(evidence.omitted).toEqual({ operations: 0, findings: 0 });
  });

  test("is the same from spans in any order and from their traces", () => {
    const evidence = buildEvidence({ target: "notes", window: WINDOW, spans });
    expect(buildEvidence({ target: "notes", window: WINDOW, spans: spans.toReversed() })).toEqual(evidence);
    const traces = groupTraces(spans).toReversed();
    expect(buildEvidence({ target: "notes", window: WINDOW, traces })).toEqual(evidence);
  });

  test("says how much the limits left out, and keeps what matters most", () => {
    const many = Array.from({ length: 60 }, (_, i) => repeat(3, () => search(10 + i, `t${i}`), i * 3)).flat();
    const whole = buildEvidence({ target: "notes", window: WINDOW, spans: many, limits: { findings: 100 } });
    const capped = buildEvidence({ target: "notes", window: WINDOW, spans: many });
    expect(whole.findings.length).toBeGreaterThan(DEFAULT_EVIDENCE_LIMITS.findings);
    expect(capped.findings).toEqual(whole.findings.slice(0, DEFAULT_EVIDENCE_LIMITS.findings));
    expect(capped.omitted.findings).toBe(whole.findings.length - DEFAULT_EVIDENCE_LIMITS.findings);
    expect(capped.operations).toHaveLength(DEFAULT_EVIDENCE_LIMITS.operations);
    expect(capped.omitted.operations).toBe(60 - DEFAULT_EVIDENCE_LIMITS.operations);
  });

  test("an empty population is evidence of nothing, not an error", () => {
    const evidence = buildEvidence({ target: "notes", window: WINDOW, spans: [] });
    expect(Evidence.parse(evidence)).toMatchObject({ traces: 0, spans: 0, operations: [], findings: [] });
  });

  test("stays small however long the names are, and keeps different long names apart", () => {
    const long = "x".repeat(100_000);
    const named = ["a", "b"].flatMap((end, i) => repeat(5, () => search(20, long + end), i * 5));
    const evidence = buildEvidence({ target: "notes", window: WINDOW, spans: named });
    expect(JSON.stringify(evidence).length).toBeLessThan(10_000);
    expect(new Set(evidence.operations.map(({ operation }) => operation)).size).toBeGreaterThanOrEqual(2);
    expect(new Set(evidence.findings.map(({ id }) => id)).size).toBe(evidence.findings.length);
  });
});
