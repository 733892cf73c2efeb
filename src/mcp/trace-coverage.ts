import { z } from "zod";
import { coverageOf, knownPaths, type Coverage, type ExpectedPath } from "../analyze/coverage.ts";
import { buildTree, type TraceTree } from "../analyze/tree.ts";
import { ATTR } from "../model/span.ts";
import { boundNames } from "./bound-names.ts";
import { shownName } from "./shown.ts";
import type { ToolContext } from "./tool.ts";

/** Most other traces, and spans of them, that one trace is compared with. */
const MOST_TRACES = 100;
const MOST_SPANS = 50_000;

/** How much of what other traces of the same root operation do a trace does as well. */
export const CoverageShown = z.strictObject({
  comparedWith: z.int().describe("Newest other traces with the same root operation."),
  ratio: z.number().nullable().describe("Share of their operations and calls that this trace has; null without any."),
});

/** An operation, or a call below another one, that others have and this trace has not. */
export const MissingPath = z.strictObject({
  service: z.string(),
  operation: z.string(),
  below: z.string().nullable().describe("Operation that calls it; null for a root."),
});

/** Compares a trace with the newest others that begin with the same operation; those of canaries are left out. */
export async function coverageOfTrace(
  context: Pick<ToolContext, "store" | "signal">,
  tree: TraceTree,
): Promise<{ readonly comparedWith: number; readonly coverage: Coverage }> {
  const others = await tracesLike(context, tree);
  return { comparedWith: others.length, coverage: coverageOf([tree], knownPaths(others)) };
}

async function tracesLike({ store, signal }: Pick<ToolContext, "store" | "signal">, tree: TraceTree) {
  const root = tree.roots[0]?.span;
  if (root === undefined) return [];
  const spanStore = await store("read");
  const { service, name: operation } = root;
  const { traces } = await spanStore.search({ service, operation }, { limit: MOST_TRACES + 1 });
  const others: TraceTree[] = [];
  let spans = 0;
  for (const row of traces) {
    signal.throwIfAborted();
    if (row.traceId === tree.traceId || row.rootOperation !== operation || row.rootService !== service) continue;
    spans += row.spans;
    if (spans > MOST_SPANS) break;
    const found = await spanStore.trace(row.traceId);
    const isCanary = found.some(({ resource }) => resource[ATTR.arm] === "canary");
    if (found.length > 0 && !isCanary) others.push(buildTree(boundNames(found)));
  }
  return others;
}

/** A missing path as an answer shows it. */
export function missingRow({ service, operation, below }: ExpectedPath): z.infer<typeof MissingPath> {
  return {
    service: shownName(service),
    operation: shownName(operation),
    below: below === undefined ? null : shownName(below.operation),
  };
}
