import type { WorkCounts } from "./work/port.ts";

/** Every counter of the App, with what it says. */
const COUNTERS = {
  whetstone_app_deliveries_total: "Deliveries that were answered, by event and result.",
  whetstone_app_missed_deliveries_total: "Deliveries that had not arrived and were fetched from GitHub's log.",
  whetstone_app_attempts_total: "Attempts at deliveries and tasks, by event and result.",
  whetstone_app_tasks_scheduled_total: "Tasks that handlers left for later.",
  whetstone_app_github_requests_total:
    "Requests to GitHub that repositories' handling made, by status; 0 for no answer.",
} as const;
type CounterName = keyof typeof COUNTERS;

/** Every histogram of the App; seconds. */
const HISTOGRAMS = {
  whetstone_app_ack_seconds: "Time from a delivery's head to its answer.",
  whetstone_app_attempt_seconds: "Time that attempts took.",
} as const;
type HistogramName = keyof typeof HISTOGRAMS;

/** Upper bounds of the buckets, seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

type Labels = Readonly<Record<string, string>>;

/** Counters and histograms that start at zero. Labels are names of events and words of ours, never other text. */
export type AppMetrics = {
  readonly count: (name: CounterName, labels?: Labels, by?: number) => void;
  readonly observe: (name: HistogramName, seconds: number) => void;
  /** Prometheus text format 0.0.4, with the queue as of `now` (epoch ms). */
  readonly text: (counts: WorkCounts, now: number) => string;
};

/** Makes {@link AppMetrics}. */
export function createAppMetrics(): AppMetrics {
  const counters = new Map<CounterName, Map<string, number>>();
  const histograms = new Map<HistogramName, Histogram>();
  return {
    count: (name, labels = {}, by = 1) => {
      const series = counters.get(name) ?? new Map<string, number>();
      counters.set(name, series);
      const key = labelText(labels);
      series.set(key, (series.get(key) ?? 0) + by);
    },
    observe: (name, seconds) => {
      const histogram = histograms.get(name) ?? emptyHistogram();
      histograms.set(name, histogram);
      histogram.sum += seconds;
      histogram.count += 1;
      BOUNDS.forEach((bound, index) => {
        if (seconds <= bound) histogram.buckets[index] = (histogram.buckets[index] ?? 0) + 1;
      });
    },
    text: (counts, now) =>
      [
        ...Object.entries(COUNTERS).flatMap(([name, help]) => [
          ...head(name, help, "counter"),
          ...[...(counters.get(name as CounterName) ?? [])].map(([labels, value]) => `${name}${labels} ${value}`),
        ]),
        ...Object.entries(HISTOGRAMS).flatMap(([name, help]) => [
          ...head(name, help, "histogram"),
          ...histogramLines(name, histograms.get(name as HistogramName) ?? emptyHistogram()),
        ]),
        ...queueLines(counts, now),
        "",
      ].join("\n"),
  };
}

type Histogram = { readonly buckets: number[]; sum: number; count: number };

const emptyHistogram = (): Histogram => ({ buckets: BOUNDS.map(() => 0), sum: 0, count: 0 });

function histogramLines(name: string, { buckets, sum, count }: Histogram): readonly string[] {
  const bounded = BOUNDS.map((bound, index) => `${name}_bucket{le="${bound}"} ${buckets[index] ?? 0}`);
  return [...bounded, `${name}_bucket{le="+Inf"} ${count}`, `${name}_sum ${sum}`, `${name}_count ${count}`];
}

function queueLines({ waiting, running, dead, dueSince }: WorkCounts, now: number): readonly string[] {
  const [works, oldest] = ["whetstone_app_queue_works", "whetstone_app_queue_oldest_seconds"];
  return [
    ...head(works, "Deliveries and tasks in the queue; dead ones were given up.", "gauge"),
    `${works}{state="waiting"} ${waiting}`,
    `${works}{state="running"} ${running}`,
    `${works}{state="dead"} ${dead}`,
    ...head(oldest, "How long the oldest waiting work could have been begun.", "gauge"),
    `${oldest} ${dueSince === undefined ? 0 : Math.max(0, now - dueSince) / 1_000}`,
  ];
}

const head = (name: string, help: string, type: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function labelText(labels: Labels): string {
  const members = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return members.length === 0 ? "" : `{${members.join(",")}}`;
}
