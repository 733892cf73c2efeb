/** The three kinds of OTLP requests. */
export const SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = (typeof SIGNALS)[number];

/** How a request and its answer are written. */
export type Encoding = "protobuf" | "json";

/** What each signal counts, in words of the specification. */
export const ITEMS = { traces: "spans", metrics: "data points", logs: "log records" } as const satisfies Record<
  Signal,
  string
>;
