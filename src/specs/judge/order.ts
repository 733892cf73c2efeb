import { msInText, nameInText } from "../../analyze/names.ts";
import type { SpanNode } from "../../analyze/tree.ts";
import type { Finding } from "../issue.ts";
import type { ScopeMatch } from "../match/scope.ts";
import type { TraceSpec } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";

/** What order is judged by: the matched spans of every rule, all places together and place by place. */
export type Matched = {
  readonly index: TraceIndex;
  readonly spec: TraceSpec;
  readonly scopes: readonly ScopeMatch[];
  /** Positions by rule number, over all places. */
  readonly byRule: ReadonlyMap<number, readonly number[]>;
};

/** One demand: the spans of `second` come after those of `first`; `end`: after their end, otherwise after their start. */
type Demand = {
  readonly clause: string;
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly by: "end" | "start";
};

/** Every broken order of expected spans. */
export function orderFindings(matched: Matched): Finding[] {
  return matched.scopes
    .flatMap((scope) => [...siblingDemands(matched, scope), ...idDemands(matched, scope)])
    .flatMap((demand) => broken(demand, matched) ?? []);
}

/** `order` of a list: neighbours that were found, one after the other. */
function siblingDemands({ spec }: Matched, scope: ScopeMatch): Demand[] {
  const order = scope.above?.order ?? (scope.above === undefined ? spec.order : "any");
  if (order === "any") return [];
  const found = scope.rules.flatMap((rule) => {
    const positions = scope.spans.get(rule) ?? [];
    return positions.length === 0 ? [] : [positions];
  });
  const clause = scope.above === undefined ? "order" : `${scope.above.clause}.order`;
  const by = order === "sequential" ? "end" : "start";
  return found.slice(1).map((second, i) => ({ clause, by, first: found[i] ?? [], second }));
}

/** `after` and `starts_after`: spans of the same place when the other stands there too, otherwise of the trace. */
function idDemands({ byRule, spec }: Matched, scope: ScopeMatch): Demand[] {
  return scope.rules.flatMap((rule) => {
    const second = scope.spans.get(rule) ?? [];
    const demand = (id: string, by: Demand["by"], key: string): Demand => {
      const other = spec.ruleById.get(id);
      const here = other === undefined ? undefined : scope.spans.get(other);
      const first = here ?? (other === undefined ? [] : (byRule.get(other.number) ?? []));
      return { clause: `${rule.clause}.${key}`, by, first, second };
    };
    return [
      ...rule.after.map((id) => demand(id, "end", "after")),
      ...rule.startsAfter.map((id) => demand(id, "start", "starts_after")),
    ];
  });
}

/** The latest of the first against the earliest of the second: if these two stand right, all do. */
export function broken(
  { clause, first, second, by }: Demand,
  { index, spec }: Pick<Matched, "index" | "spec">,
): Finding | undefined {
  const moment = (node: SpanNode): number => (by === "end" ? node.end : node.start);
  const late = extreme(index, first, (a, b) => moment(a) > moment(b));
  const early = extreme(index, second, (a, b) => a.start < b.start);
  if (late === undefined || early === undefined) return undefined;
  const overlap = moment(late.node) - early.node.start;
  if (overlap <= spec.orderTolerance) return undefined;
  const [a, b] = [nameInText(late.node.span.name), nameInText(early.node.span.name)];
  const what = by === "end" ? "ended" : "started";
  return {
    list: "structure_issues",
    code: "order_broken",
    clause,
    message: `${b} started ${msInText(overlap / 1e6)} before ${a} had ${what}.`,
    spans: [late.at, early.at],
    operation: early.node.span.name,
    service: early.node.span.service,
    expected: `${a} ${what} before ${b} starts`,
    actual: { overlap_ms: overlap / 1e6 },
    violation: true,
  };
}

function extreme(index: TraceIndex, positions: readonly number[], better: (a: SpanNode, b: SpanNode) => boolean) {
  let best: { readonly at: number; readonly node: SpanNode } | undefined;
  for (const at of positions) {
    const node = index.nodes[at];
    if (node !== undefined && (best === undefined || better(node, best.node))) best = { at, node };
  }
  return best;
}
