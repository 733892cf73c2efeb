import type { SloStatus } from "../../model/slo.ts";
import type { SpanStore } from "../../store/port.ts";
import { countCalls } from "./counts.ts";
import type { Objective } from "./objective.ts";
import { sloStatus } from "./status.ts";

/** Where an objective stands at `nowNs` (ns since the Unix epoch), from the rollups of a store. */
export async function readSloStatus(
  store: Pick<SpanStore, "rollups">,
  objective: Objective,
  nowNs: bigint,
): Promise<SloStatus> {
  const calls = countCalls(objective);
  const { service, operation, windowNs } = objective;
  const sinceNs = nowNs - BigInt(Math.round(windowNs));
  const filter = { service, ...(operation === undefined ? {} : { operation }), sinceNs, untilNs: nowNs + 1n };
  for await (const rows of store.rollups(filter)) for (const row of rows) calls.add(row);
  return sloStatus(objective, calls.minutes(), nowNs);
}
