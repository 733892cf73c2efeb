/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** Counters by name and labels. */
export type ApiCounters = {
  readonly add: (name: CounterName, labels?: Labels, value?: number) => void;
  readonly total: (name: CounterName) => number;
  /** Prometheus text format 0.0.4 with the gauges and counters of the moment. */
  readonly text: (moment: readonly Family[]) => string;
};

/** What is known of one name at one moment. */
export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly value: number;
};

/** Every counter of the API, with what it says. */
const COUNTERS = {
  whetstone_api_requests_total: "Requests that were answered, by route, method and status.",
  whetstone_api_request_seconds_total: "Time that answers took from the request's head on, by route; streams excluded.",
  whetstone_api_refused_credentials_total: "Requests whose credential proved nothing, by reason.",
  whetstone_api_rate_limited_total: "Requests that exceeded a quota, by which.",
  whetstone_api_stream_events_total: "Events that streams have sent, by type.",
} as const;
export type CounterName = keyof typeof COUNTERS;

/** Counters that start at zero. Labels are routes and codes of ours, never text of a request. */
export function createApiCounters(): ApiCounters {
  const counters = new Map<CounterName, Map<string, number>>();
  return {
    add: (name, labels = {}, value = 1) => {
      const series = counters.get(name) ?? new Map<string, number>();
      counters.set(name, series);
      const key = labelText(labels);
      series.set(key, (series.get(key) ?? 0) + value);
    },
    total: (name) => [...(counters.get(name)?.values() ?? [])].reduce((sum, value) => sum + value, 0),
    text: (moment) => {
      const counted = Object.entries(COUNTERS).flatMap(([name, help]) => [
        ...head(name, help, "counter"),
        ...[...(counters.get(name as CounterName) ?? [])].map(([labels, value]) => `${name}${labels} ${value}`),
      ]);
      return [...counted, ...moment.flatMap(linesOf), ""].join("\n");
    },
  };
}

function linesOf({ name, help, type, value }: Family): readonly string[] {
  return [...head(name, help, type), `${name} ${value}`];
}

const head = (name: string, help: string, type: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function labelText(labels: Labels): string {
  const members = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return members.length === 0 ? "" : `{${members.join(",")}}`;
}

/** What this process uses, as text. */
export function processText(): string {
  return [...processFamilies().flatMap(linesOf), ""].join("\n");
}

/** What this process uses, by the names that Prometheus' client libraries share. */
export function processFamilies(): readonly Family[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      name: "process_cpu_seconds_total",
      help: "CPU time used.",
      type: "counter",
      value: (user + system) / 1e6,
    },
    {
      name: "process_resident_memory_bytes",
      help: "Memory in use.",
      type: "gauge",
      value: process.memoryUsage.rss(),
    },
    {
      name: "process_start_time_seconds",
      help: "Start, seconds since the Unix epoch.",
      type: "gauge",
      value: performance.timeOrigin / 1e3,
    },
  ];
}
