import type { DocumentStore } from "./document-port.ts";
import type { LogStore } from "./log-port.ts";
import type { MetricStore } from "./metric-port.ts";
import type { SpanStore } from "./port.ts";

/** Everything that one database holds, over one connection (or pool) and one queue of writers. */
export type Store = SpanStore & {
  readonly documents: DocumentStore;
  readonly metrics: MetricStore;
  readonly logs: LogStore;
};
