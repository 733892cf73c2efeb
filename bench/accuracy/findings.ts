import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import type { Finding } from "../../src/model/finding.ts";
import type { Expected, Fault, Injected } from "./faults.ts";

/** How often a kind of fault was found where it was put, and what else was said. */
export type Score = {
  readonly name: string;
  readonly trials: number;
  readonly found: number;
  /** Findings that nothing that was injected explains. */
  readonly wrong: number;
  readonly said: number;
};

/** Injects a fault once per seed and looks for it: kind, service, operation (and child where one is stated) have to be right. */
export function scoreFault({ name, inject }: Fault, seeds: readonly string[]): Score {
  let [found, wrong, said] = [0, 0, 0];
  for (const seed of seeds) {
    const judged = judge(inject(seed));
    found += judged.found ? 1 : 0;
    wrong += judged.wrong.length;
    said += judged.said;
  }
  return { name, trials: seeds.length, found, wrong, said };
}

/** What the detectors say about one injected fault. */
export function judge({ spans, expect, also, known = [] }: Injected): {
  readonly found: boolean;
  readonly wrong: readonly Finding[];
  readonly said: number;
} {
  const findings = findProblems(groupTraces(spans)).filter(({ id }) => !known.includes(id));
  const right = findings.filter((finding) => isExpected(finding, expect));
  const wrong = findings.filter((finding) => !right.includes(finding) && !also.includes(finding.kind));
  return { found: right.length > 0, wrong, said: findings.length };
}

function isExpected(finding: Finding, { kind, service, operation, child }: Expected): boolean {
  const named = finding.kind === kind && finding.service === service && finding.operation === operation;
  return named && (child === undefined || finding.child === child);
}
