import fc from "fast-check";
import type { ReasonCode } from "../../src/model/codes.ts";
import { Outcome } from "../../src/model/outcome.ts";

/** Fingerprint number `n`. */
export const fingerprint = (n: number): string => n.toString(16).padStart(64, "0");

let next = 0;

/** A valid outcome; every one has its own id, proposal and fingerprint unless told otherwise. */
export function outcome(change: Partial<Outcome> = {}): Outcome {
  next += 1;
  return Outcome.parse({
    schema: "whetstone.outcome/1",
    id: `o-${String(next).padStart(6, "0")}`,
    at: "2026-11-20T10:00:00.000Z",
    target: "notes",
    proposal: `p-${next}`,
    session: "s",
    fingerprint: fingerprint(next),
    status: "promoted",
    reasons: ["errors_within_margin"],
    findings: ["n_plus_one"],
    paths: ["src/a.ts"],
    effects: [],
    costUsd: 0,
    dossier: fingerprint(next),
    ...change,
  });
}

const reasons = fc.subarray<ReasonCode>(
  ["errors_within_margin", "replay_result_changed", "check_failed", "errors_increased", "base_moved"],
  { minLength: 1 },
);

/** Outcomes of a few targets, proposals and ideas, in any state; fingerprint 0 stands for "no proposal". */
export const outcomes: fc.Arbitrary<Outcome[]> = fc
  .array(
    fc.record({
      idea: fc.integer({ min: 0, max: 6 }),
      proposal: fc.integer({ min: 1, max: 12 }),
      minute: fc.integer({ min: 0, max: 59 }),
      target: fc.constantFrom("notes", "notes", "notes", "other"),
      status: fc.constantFrom(...Outcome.shape.status.options),
      reasons,
      findings: fc.subarray([...Outcome.shape.findings.element.options]),
    }),
    { maxLength: 25 },
  )
  .map((drafts) =>
    drafts.map(({ idea, proposal, minute, ...rest }, i) =>
      outcome({
        ...rest,
        id: `o-${i}`,
        at: `2026-11-20T10:${String(minute).padStart(2, "0")}:00Z`,
        proposal: `p-${proposal}`,
        fingerprint: fingerprint(idea),
      }),
    ),
  );
