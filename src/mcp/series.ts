import { collectSeries, type OperationSeries } from "../analyze/series.ts";
import type { TimeWindow } from "./arguments.ts";
import { namesInStore } from "./names.ts";
import { shownName } from "./shown.ts";
import type { ToolContext } from "./tool.ts";

const MINUTE_NS = 60_000_000_000n;

/** Which operations, over which window, in about how many steps. */
export type SeriesRequest = TimeWindow & {
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly steps: number;
};

/** Series of the operations in a window from rollups, in whole minutes: the cost does not grow with the number of spans. */
export async function loadSeries(context: ToolContext, request: SeriesRequest): Promise<readonly OperationSeries[]> {
  const store = await context.store("read");
  const { service, operation, steps } = request;
  const names = await namesInStore(store, {
    ...(service !== undefined && { service }),
    ...(operation !== undefined && { operation }),
  });
  const window = wholeMinutes(request, steps);
  const collected = collectSeries(window);
  for await (const rows of store.rollups({ ...window, ...names })) {
    context.signal.throwIfAborted();
    for (const row of rows) collected.add(row);
  }
  return collected.series();
}

/** The window in whole minutes, and a step that makes about so many of it. */
export function wholeMinutes({ sinceNs, untilNs }: TimeWindow, steps: number) {
  const from = sinceNs - (((sinceNs % MINUTE_NS) + MINUTE_NS) % MINUTE_NS);
  const minutes = (untilNs - from + MINUTE_NS - 1n) / MINUTE_NS;
  const step = (minutes + BigInt(steps) - 1n) / BigInt(steps);
  return { sinceNs: from, untilNs: from + minutes * MINUTE_NS, stepNs: (step < 1n ? 1n : step) * MINUTE_NS };
}

/** Names of an operation for an answer. */
export const named = ({ service, operation }: Pick<OperationSeries, "service" | "operation">) => ({
  service: shownName(service),
  operation: shownName(operation),
});

/** Five significant digits: more is noise. */
export const digits = (value: number): number => Number(value.toPrecision(5));
