import { describe, expect, test } from "@jest/globals";
import { coverageOf, knownPaths } from "../../src/analyze/coverage.ts";
import { criticalPath } from "../../src/analyze/critical-path.ts";
import { dependencyMap } from "../../src/analyze/dependencies.ts";
import { diagnose } from "../../src/analyze/diagnose/diagnose.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { buildTree, type TraceTree } from "../../src/analyze/tree.ts";
import { Finding } from "../../src/model/finding.ts";
import type { Span } from "../../src/model/span.ts";
import { span, spanIdOf } from "./population.ts";

/**
 * Traces of a size at which work that grows with the square of the spans does not end within the limit of a test, and
 * recursion or a spread argument list ends the process.
 */
const SPANS = 30_000;
const DEEP = 30_000;
const START = 1_763_000_000_000_000_007n;

type Given = Partial<Span> & { readonly parent?: number; readonly at?: number };

function spansOf(count: number, of: (i: number) => Given): Span[] {
  return Array.from({ length: count }, (_, i) => {
    const { parent, at = 0, ...given } = of(i);
    const parentSpanId = parent === undefined ? {} : { parentSpanId: spanIdOf(parent) };
    return span({ spanId: spanIdOf(i), startNs: START + BigInt(at), durationNs: 0, ...parentSpanId, ...given });
  });
}

const SHAPES: Readonly<Record<string, () => Span[]>> = {
  "a chain of failed calls between two services": () =>
    spansOf(DEEP, (i) => ({
      ...(i > 0 && { parent: i - 1 }),
      name: `op${i % 3}`,
      service: `s${i % 2}`,
      status: "error",
      at: i,
      durationNs: 2 * (DEEP - i),
    })),
  "failed calls of one operation below one caller": () =>
    spansOf(SPANS, (i) => ({
      ...(i > 0 && { parent: 0 }),
      name: i === 0 ? "root" : "child",
      status: "error",
      at: i * 10,
      durationNs: i === 0 ? SPANS * 10 + 10 : 9,
    })),
  "calls of as many operations of another service": () =>
    spansOf(SPANS, (i) => ({
      ...(i > 0 && { parent: 0 }),
      name: `op${i}`,
      service: i === 0 ? "front" : "back",
      at: i * 10,
      durationNs: i === 0 ? SPANS * 10 + 10 : 9,
    })),
  "all at the same moment without length, parents missing": () =>
    spansOf(SPANS, (i) => ({ parent: SPANS + i, name: `op${i % 7}`, status: i % 2 === 0 ? "error" : "unset" })),
  "one cycle of all": () =>
    spansOf(DEEP, (i) => ({
      parent: (i + 1) % DEEP,
      name: `op${i % 7}`,
      status: i % 2 === 0 ? "error" : "unset",
      durationNs: 5,
    })),
  "retries within retries, two attempts each, fifteen levels": () =>
    spansOf(2 ** 15 - 1, (i) => ({
      ...(i > 0 && { parent: Math.floor((i - 1) / 2) }),
      name: `level${Math.floor(Math.log2(i + 1))}`,
      status: "error",
      ...placeInTree(i),
    })),
};

/** Place of a node of a complete binary tree whose siblings follow each other. */
function placeInTree(i: number): { readonly at: number; readonly durationNs: number } {
  const level = Math.floor(Math.log2(i + 1));
  const width = 2 ** (20 - level);
  return { at: (i + 1 - 2 ** level) * width, durationNs: width - 1 };
}

const trees = new Map<string, TraceTree>();
function treeOf(shape: string): TraceTree {
  const tree = trees.get(shape) ?? buildTree(SHAPES[shape]?.() ?? []);
  trees.set(shape, tree);
  return tree;
}

describe.each(Object.keys(SHAPES))("one trace of very many spans: %s", (shape) => {
  test("every span has a place, and self times and path stay within the trace", () => {
    const tree = treeOf(shape);
    expect(tree.nodes).toHaveLength(SHAPES[shape]?.().length ?? 0);
    expect(tree.nodes.every(({ selfNs, start, end }) => selfNs >= 0 && selfNs <= end - start)).toBe(true);
    const path = criticalPath(tree).reduce((total, { start, end }) => total + end - start, 0);
    expect(path).toBeLessThanOrEqual(tree.durationNs);
  }, 180_000);

  test("the detectors answer with findings of the model", () => {
    const findings = findProblems([treeOf(shape)]);
    expect(findings.map((finding) => Finding.safeParse(finding).success)).toEqual(findings.map(() => true));
  }, 180_000);

  test("map and coverage count every call, a diagnosis against itself names nothing", () => {
    const tree = treeOf(shape);
    const { nodes } = dependencyMap([tree], "operation");
    expect(nodes.reduce((total, { calls }) => total + calls, 0)).toBe(tree.nodes.length);
    expect(coverageOf([tree], knownPaths([tree]))).toMatchObject({ ratio: 1, missing: [], unexpected: [] });
    expect(diagnose([tree], [tree]).ranked).toEqual([]);
  }, 180_000);
});

test("retries that multiply over fifteen levels are named once, at the outermost and the innermost", () => {
  const found = findProblems([treeOf("retries within retries, two attempts each, fifteen levels")]);
  const amplified = found.filter(({ kind }) => kind === "retry_amplification");
  expect(amplified).toMatchObject([{ operation: "level0", child: "level14", value: 2 ** 14 }]);
}, 180_000);

test.each(["__proto__", "constructor", "toString", "\u001B[2J", "a\nb", "\uD800", "", "x".repeat(5_000)])(
  "the name %j of service, operation and error is a name like any other",
  (name) => {
    const spans = Array.from({ length: 30 }, (_, i) => [
      span({ spanId: spanIdOf(0), traceId: (i + 1).toString(16).padStart(32, "0"), name, service: name }),
      span({
        spanId: spanIdOf(1),
        parentSpanId: spanIdOf(0),
        traceId: (i + 1).toString(16).padStart(32, "0"),
        name,
        service: `${name}2`,
        status: "error",
        attributes: { "error.type": name, "peer.service": name },
      }),
    ]);
    const traces = spans.map(buildTree);
    const [finding] = findProblems(traces);
    expect(finding).toMatchObject({ kind: "errors", service: `${name}2`, operation: name, value: 1 });
    expect(finding?.suggestion).toMatch(/^[ -~]+$/);
    expect(dependencyMap(traces).edges).toMatchObject([{ from: { service: name }, calls: 30, errors: 30 }]);
    expect(coverageOf(traces, knownPaths(traces)).ratio).toBe(1);
  },
);
