/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>;

type Series = { readonly labels: Labels; value: number };
type Histogram = { readonly labels: Labels; readonly counts: number[]; sum: number };

/** Upper bounds of request durations, seconds: OpenTelemetry's advice for `http.server.request.duration`. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

/** Every counter, with what it says. */
const COUNTERS = {
  requests: "Requests that were answered, by signal, transport and status.",
  received: "Items (spans, data points, log records) in requests that could be read.",
  stored: "Items that the store took.",
  duplicates: "Items that were in the store before.",
  rejected: "Items that were rejected for good, by reason; the answer said so.",
  dropped:
    "Items that were not kept because the queue was full or the store failed; the sender was told to send again.",
  content_dropped:
    "Attributes and bodies of logs that were left out: content that is not captured, or what could not be redacted.",
  redacted: "Attributes and texts in which something was redacted.",
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Counts of a running collector. */
export type Counters = {
  readonly add: (name: CounterName, labels: Labels, value: number) => void;
  readonly observe: (labels: Labels, seconds: number) => void;
  /** Sum over the labels. */
  readonly total: (name: CounterName) => number;
  /** Prometheus text format 0.0.4. */
  readonly text: (gauges: Readonly<Record<string, { readonly help: string; readonly value: number }>>) => string;
};

const PREFIX = "whetstone_collect";

/** Counters that start at zero. */
export function createCounters(): Counters {
  const counters = new Map<CounterName, Map<string, Series>>();
  const histograms = new Map<string, Histogram>();
  return {
    add: (name, labels, value) => {
      const series = counters.get(name) ?? new Map<string, Series>();
      counters.set(name, series);
      const key = labelText(labels);
      const known = series.get(key);
      if (known) known.value += value;
      else series.set(key, { labels, value });
    },
    observe: (labels, seconds) => {
      const key = labelText(labels);
      const known = histograms.get(key) ?? { labels, counts: [...BOUNDS.map(() => 0), 0], sum: 0 };
      histograms.set(key, known);
      const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
      const at = bucket === -1 ? BOUNDS.length : bucket;
      known.counts[at] = (known.counts[at] ?? 0) + 1;
      known.sum += seconds;
    },
    total: (name) => [...(counters.get(name)?.values() ?? [])].reduce((sum, { value }) => sum + value, 0),
    text: (gauges) =>
      [
        ...Object.entries(COUNTERS).flatMap(([name, help]) => [
          ...head(`${name}_total`, help, "counter"),
          ...[...(counters.get(name as CounterName)?.entries() ?? [])].map(
            ([labels, { value }]) => `${PREFIX}_${name}_total${labels} ${value}`,
          ),
        ]),
        ...Object.entries(gauges).flatMap(([name, { help, value }]) => [
          ...head(name, help, "gauge"),
          `${PREFIX}_${name} ${value}`,
        ]),
        ...histogramText([...histograms.values()]),
        "",
      ].join("\n"),
  };
}

function histogramText(histograms: readonly Histogram[]): string[] {
  const name = "request_duration_seconds";
  return [
    ...head(name, "Time from a request's head to its answer.", "histogram"),
    ...histograms.flatMap(({ labels, counts, sum }) => {
      let below = 0;
      const buckets = counts.map((count, at) => {
        below += count;
        return `${PREFIX}_${name}_bucket${labelText({ ...labels, le: String(BOUNDS[at] ?? "+Inf") })} ${below}`;
      });
      const text = labelText(labels);
      return [...buckets, `${PREFIX}_${name}_sum${text} ${sum}`, `${PREFIX}_${name}_count${text} ${below}`];
    }),
  ];
}

function head(name: string, help: string, type: string): string[] {
  return [`# HELP ${PREFIX}_${name} ${help}`, `# TYPE ${PREFIX}_${name} ${type}`];
}

function labelText(labels: Labels): string {
  const members = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return members.length === 0 ? "" : `{${members.join(",")}}`;
}

const escapeLabel = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
