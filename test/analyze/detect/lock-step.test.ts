import { describe, expect, test } from "@jest/globals";
import { detectLockStep } from "../../../src/analyze/detect/lock-step.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { createRandom } from "../../../src/stats/random.ts";
import { trace } from "../population.ts";

/** Requests that begin `gapMs` apart and each run `write` for 10 ms, one at a time where `locked`. */
function requests(count: number, { gapMs = 6, locked = true } = {}): Span[] {
  const random = createRandom("requests");
  let freeAt = 0;
  return Array.from({ length: count }, (_, n) => {
    const begun = n * gapMs;
    const wanted = begun + 1 + 3 * random.uniform();
    const start = locked ? Math.max(wanted, freeAt) : wanted;
    freeAt = start + 10;
    const write = { name: "write", at: start - begun, ms: 10 };
    const spans = trace(n, { name: "save", at: 0, ms: start - begun + 12, children: [write] });
    // `trace` puts a second between traces; here they are to run at the same time.
    const back = BigInt(n) * 1_000_000_000n - BigInt(Math.round(begun * 1e6));
    return spans.map((span) => ({ ...span, startNs: span.startNs - back }));
  }).flat();
}
const detect = (spans: readonly Span[]): Finding[] => detectLockStep(groupTraces(spans));

describe("detectLockStep", () => {
  test("calls that let each other in one at a time", () => {
    const [finding, ...rest] = detect(requests(40));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({ id: "lock_step:notes:write", kind: "lock_step", metric: "wait_ms" });
    // The n-th of forty waits about 4 ms more than the one before: 80 ms for the one in the middle.
    expect(finding?.value).toBeGreaterThan(60);
    expect(finding?.value).toBeLessThan(100);
    expect(finding?.suggestion).toMatch(/overlaps were to be expected, 0 are there/);
  });

  test("calls that overlap freely are not locked", () => {
    expect(detect(requests(40, { locked: false }))).toEqual([]);
  });

  test("calls that never meet are not locked", () => {
    expect(detect(requests(40, { gapMs: 50 }))).toEqual([]);
    expect(detect(requests(40, { gapMs: 50, locked: false }))).toEqual([]);
  });

  test("a steady rhythm in which calls never overlap, without waiting, is no lock", () => {
    const rhythm = Array.from({ length: 40 }, (_, n) =>
      trace(n, { name: "save", at: 0, ms: 60, children: [{ name: "write", at: 10, ms: 15 }] }).map((span) => ({
        ...span,
        startNs: span.startNs - BigInt(n) * 980_000_000n,
      })),
    );
    expect(detect(rhythm.flat())).toEqual([]);
  });

  test("no traces, no findings", () => {
    expect(detect([])).toEqual([]);
  });
});
