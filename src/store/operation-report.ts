import { SPAN_KINDS } from "../model/span.ts";
import { sketchCount, sketchQuantiles } from "../stats/sketch.ts";
import type { OperationReport, OperationSummary, RollupFilter, RollupGroup } from "./port.ts";
import { minutesOf, minuteStart } from "./rollup.ts";

/** A part of a rollup: `addTo` adds its durations to a sketch. */
export type ReportPart = {
  /** What tells operations apart: the same for the same service, operation and kind. */
  readonly key: string | bigint;
  /** Asked for once per operation, and for errors. */
  readonly group: () => RollupGroup;
  readonly isError: boolean;
  readonly count: number;
  readonly addTo: (sketch: Map<number, number>) => void;
};

type Counted = Pick<OperationSummary, "service" | "operation" | "kind"> & {
  errors: number;
  readonly errorTypes: Map<string | undefined, number>;
  readonly sketch: Map<number, number>;
};

/** Adds up the parts of a window, in any order. */
export function reportOf(filter: RollupFilter, parts: Iterable<ReportPart>): OperationReport {
  const counted = new Map<string | bigint, Counted>();
  for (const part of parts) add(counted, part);
  const { from, to } = minutesOf(filter);
  return {
    sinceNs: minuteStart(from),
    untilNs: minuteStart(to),
    operations: [...counted.values()].sort(byName).map(summarize),
  };
}

function add(counted: Map<string | bigint, Counted>, part: ReportPart): void {
  const known = counted.get(part.key) ?? newCount(part.group());
  counted.set(part.key, known);
  part.addTo(known.sketch);
  if (!part.isError) return;
  const { errorType } = part.group();
  known.errors += part.count;
  known.errorTypes.set(errorType, (known.errorTypes.get(errorType) ?? 0) + part.count);
}

const newCount = ({ service, operation, kind }: RollupGroup): Counted => ({
  service,
  operation,
  kind,
  errors: 0,
  errorTypes: new Map(),
  sketch: new Map(),
});

function summarize({ sketch, errorTypes, ...rest }: Counted): OperationSummary {
  const [p50Ns = 0, p95Ns = 0, p99Ns = 0] = sketchQuantiles(sketch, [0.5, 0.95, 0.99]);
  const types = [...errorTypes].map(([errorType, count]) =>
    errorType === undefined ? { count } : { errorType, count },
  );
  return {
    ...rest,
    calls: sketchCount(sketch),
    errorTypes: types.sort((a, b) => b.count - a.count || compare(a.errorType ?? "", b.errorType ?? "")),
    p50Ns,
    p95Ns,
    p99Ns,
  };
}

const byName = (a: Counted, b: Counted): number =>
  compare(a.service, b.service) ||
  compare(a.operation, b.operation) ||
  SPAN_KINDS.indexOf(a.kind) - SPAN_KINDS.indexOf(b.kind);

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
