import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { analyze, judgeEvidence, windowOf } from "../../src/loop/analyze.ts";
import { Evidence, type Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { parseInstant } from "../../src/model/time.ts";
import type { Workspace } from "../../src/wire.ts";
import { plainSpan } from "../capture/fixtures/spans.ts";

const span = (startNs: bigint, durationNs: number): Span => ({ ...plainSpan, startNs, durationNs });
const anySpans = fc.array(
  fc.record({ startNs: fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }), durationNs: fc.nat(1e9) }),
);

describe("windowOf", () => {
  test("holds every span from its start to its end, and not more", () => {
    fc.assert(
      fc.property(anySpans, (times) => {
        fc.pre(times.length > 0);
        const { since, until } = windowOf(times.map(({ startNs, durationNs }) => span(startNs, durationNs)));
        const [from, to] = [parseInstant(since, 0n), parseInstant(until, 0n)];
        const ends = times.map(({ startNs, durationNs }) => startNs + BigInt(durationNs));
        expect(times.some(({ startNs }) => startNs === from)).toBe(true);
        expect(times.every(({ startNs }) => startNs >= from)).toBe(true);
        expect(ends.includes(to)).toBe(true);
        expect(ends.every((end) => end <= to)).toBe(true);
      }),
    );
  });

  test("does not depend on the order of the spans", () => {
    const spans = [span(5n, 1), span(1n, 2), span(3n, 9)];
    expect(windowOf(spans)).toEqual(windowOf(spans.toReversed()));
    expect(windowOf(spans)).toEqual({
      since: "1970-01-01T00:00:00.000000001Z",
      until: "1970-01-01T00:00:00.000000012Z",
    });
  });

  test("is a moment at the epoch without a span", () => {
    const moment = "1970-01-01T00:00:00.000Z";
    expect(windowOf([])).toEqual({ since: moment, until: moment });
  });
});

describe("analyze", () => {
  const run = () => ({
    workspace: { targetName: "notes" } as Workspace,
    files: new Map<string, string | Uint8Array>(),
  });
  /** Calls of one tool of which every second fails: a finding. */
  const failing = Array.from({ length: 40 }, (_, index): Span => ({
    ...plainSpan,
    traceId: (index + 1).toString(16).padStart(32, "0"),
    kind: "client",
    startNs: plainSpan.startNs + BigInt(index) * 1_000_000_000n,
    status: index % 2 === 0 ? "error" : "ok",
    attributes: {
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": "search",
      ...(index % 2 === 0 && { "error.type": "tool_error" }),
    },
  }));

  test("keeps its evidence for the dossier, as a session will see it", () => {
    const parts = run();
    const { value } = analyze(parts, failing);
    expect([...parts.files.keys()]).toEqual(["evidence/evidence.json"]);
    expect(Evidence.parse(JSON.parse(String(parts.files.get("evidence/evidence.json"))))).toEqual(value);
    expect(value).toMatchObject({ target: "notes", traces: 40, spans: 40, window: windowOf(failing) });
  });

  test("passes with the worst finding in one line", () => {
    const { verdict, reasons, summary, value } = analyze(run(), failing);
    expect([verdict, reasons]).toEqual(["pass", ["ok"]]);
    const [worst] = value.findings;
    expect(worst?.kind).toBe("errors");
    expect(summary).toBe(
      `${value.findings.length} findings; worst: errors in ${worst?.operation} (${worst?.severity})`,
    );
  });

  test("ends the run without a finding, which is no failure", () => {
    const healthy = failing.map((one): Span => ({ ...one, status: "ok", attributes: plainSpan.attributes }));
    expect(analyze(run(), healthy)).toMatchObject({
      verdict: "inconclusive",
      reasons: ["no_finding"],
      summary: "40 traces, nothing worth a change",
    });
    expect(analyze(run(), [])).toMatchObject({ reasons: ["no_finding"], summary: "0 traces, nothing worth a change" });
  });

  test("the first finding is the worst: evidence is sorted", () => {
    const finding = { kind: "errors", operation: "a", severity: "minor" } as Finding;
    const evidence = { findings: [finding, { ...finding, operation: "b" }], traces: 1 } as unknown as Evidence;
    expect(judgeEvidence(evidence).summary).toBe("2 findings; worst: errors in a (minor)");
  });
});
