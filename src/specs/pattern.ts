import { selectorFault } from "./fault.ts";
import { parsePattern, type CharacterSet, type PatternNode } from "./pattern-parse.ts";

/** Most steps that a pattern may have once its repetitions are written out. */
export const PATTERN_STEPS = 2_000;
/** Answers kept per pattern: names and values of telemetry repeat. */
const REMEMBERED = 10_000;
/** Longest text whose answer is kept. */
const REMEMBERED_LENGTH = 200;

type Step =
  | { readonly kind: "take"; readonly has: CharacterSet }
  | { readonly kind: "split"; readonly next: number[] }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | { readonly kind: "accept" };

/** Whether a whole text matches. */
export type Pattern = (text: string) => boolean;

/**
 * A regular expression as a test of whole texts (anchored at both ends, as `=~` of TraceQL). All states are followed at
 * once (Thompson 1968), so the time is at most steps × characters for every pattern and text: none can make it explode.
 * @throws WhetstoneError `spec_invalid` with the offset in `data.offset`
 */
export function compilePattern(text: string): Pattern {
  const steps: Step[] = [];
  emit(steps, { node: parsePattern(text), text });
  steps.push({ kind: "accept" });
  const known = new Map<string, boolean>();
  return (subject) => {
    const before = known.get(subject);
    if (before !== undefined) return before;
    const answer = matches(steps, subject);
    if (subject.length <= REMEMBERED_LENGTH && known.size < REMEMBERED) known.set(subject, answer);
    return answer;
  };
}

function emit(steps: Step[], { node, text }: { readonly node: PatternNode; readonly text: string }): void {
  if (steps.length > PATTERN_STEPS) throw selectorFault(text, 0, `more than ${PATTERN_STEPS} steps`);
  const inner = (item: PatternNode): void => emit(steps, { node: item, text });
  switch (node.kind) {
    case "set":
      steps.push({ kind: "take", has: node.has });
      return;
    case "start":
    case "end":
      steps.push({ kind: node.kind });
      return;
    case "sequence":
      for (const item of node.items) inner(item);
      return;
    case "choice":
      emitChoice(steps, node.items, inner);
      return;
    case "repeat":
      emitRepeat(steps, node, inner);
  }
}

/** Each alternative ends with a jump behind the last one. */
function emitChoice(steps: Step[], items: readonly PatternNode[], inner: (item: PatternNode) => void): void {
  const starts: number[] = [];
  const jumps: number[][] = [];
  steps.push({ kind: "split", next: starts });
  for (const item of items) {
    starts.push(steps.length);
    inner(item);
    const next: number[] = [];
    steps.push({ kind: "split", next });
    jumps.push(next);
  }
  for (const next of jumps) next.push(steps.length);
}

function emitRepeat(
  steps: Step[],
  { item, min, max }: Extract<PatternNode, { kind: "repeat" }>,
  inner: (item: PatternNode) => void,
): void {
  for (let i = 0; i < min; i += 1) {
    const before = steps.length;
    inner(item);
    // What takes nothing takes nothing again; written out, nested repetitions of it would never end.
    if (steps.length === before) break;
  }
  if (max === Infinity) {
    const loop = steps.length;
    const next = [loop + 1];
    steps.push({ kind: "split", next });
    inner(item);
    steps.push({ kind: "split", next: [loop] });
    next.push(steps.length);
    return;
  }
  const exits: number[][] = [];
  for (let i = min; i < max; i += 1) {
    const next = [steps.length + 1];
    steps.push({ kind: "split", next });
    exits.push(next);
    inner(item);
  }
  for (const next of exits) next.push(steps.length);
}

function matches(steps: readonly Step[], text: string): boolean {
  const seen = new Int32Array(steps.length).fill(-1);
  let active = reach(steps, { from: [0], at: 0, text, seen });
  for (let at = 0; at < text.length && active.length > 0; at += 1) {
    const code = text.charCodeAt(at);
    const from: number[] = [];
    for (const index of active) {
      const step = steps[index];
      if (step?.kind === "take" && step.has(code)) from.push(index + 1);
    }
    active = reach(steps, { from, at: at + 1, text, seen });
  }
  return active.some((index) => steps[index]?.kind === "accept");
}

type Reach = {
  readonly from: readonly number[];
  readonly at: number;
  readonly text: string;
  readonly seen: Int32Array;
};

/** The steps that take a character or accept, reachable without taking one; each step is visited once per position. */
function reach(steps: readonly Step[], { from, at, text, seen }: Reach): number[] {
  const open = [...from];
  const waiting: number[] = [];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const step = steps[index];
    if (step === undefined || seen[index] === at) continue;
    seen[index] = at;
    if (step.kind === "split") open.push(...step.next);
    else if (step.kind === "start" && at === 0) open.push(index + 1);
    else if (step.kind === "end" && at === text.length) open.push(index + 1);
    else if (step.kind === "take" || step.kind === "accept") waiting.push(index);
  }
  // Position of an accept counts only at the end; elsewhere it has nothing to take and drops out.
  return waiting;
}
