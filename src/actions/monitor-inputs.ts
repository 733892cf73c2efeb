import { Severity } from "../model/finding.ts";
import { parseDuration, parseInstant } from "../model/time.ts";
import type { MonitorRequest } from "../loop/monitor/monitor.ts";
import type { SpanWindow } from "../loop/window-spans.ts";
import { below, type InputSource, parseFlag, refuseUnknown, usage } from "./input-check.ts";

/** Inputs of the action, as its `action.yml` lists them. */
export const MONITOR_INPUTS = [
  "target",
  "window",
  "baseline",
  "severity",
  "expect-traffic",
  "token",
  "dry-run",
  "config",
  "working-directory",
] as const;
export type MonitorInputName = (typeof MONITOR_INPUTS)[number];

/** What the inputs say, with paths made absolute and times resolved. */
export type MonitorInputs = Pick<
  MonitorRequest,
  "target" | "window" | "baseline" | "least" | "expectTraffic" | "dryRun"
> & {
  /** Token for GitHub; undefined to tell the log and the summary alone. */
  readonly token: string | undefined;
  readonly config: string;
  readonly folder: string;
};

/**
 * Reads and checks the inputs, each for itself and together. `now`: ns since the Unix epoch.
 * @throws WhetstoneError `usage`
 */
export function readMonitorInputs(
  { get, given, workspace }: InputSource<MonitorInputName>,
  now: bigint,
): MonitorInputs {
  refuseUnknown(given, MONITOR_INPUTS);
  const folder = below(workspace, get("working-directory") || ".", "working-directory");
  const lengthNs = parseLength(get("window") || "24h");
  const window = { sinceNs: now - lengthNs, untilNs: now };
  return {
    folder,
    window,
    baseline: parseBaseline(get("baseline") || "before", window),
    target: get("target") || undefined,
    least: parseSeverity(get("severity") || "major"),
    expectTraffic: parseFlag("expect-traffic", get("expect-traffic") || "true"),
    token: get("token") || undefined,
    dryRun: parseFlag("dry-run", get("dry-run") || "false"),
    config: below(folder, get("config") || "whetstone.yaml", "config"),
  };
}

function parseLength(text: string): bigint {
  const length = BigInt(Math.round(parseDuration(text)));
  if (length > 0n) return length;
  throw usage(`\`window: ${text}\` is empty.`, "Write how far to look back, such as 24h.");
}

/** `before`: as long, ending where the window begins. Otherwise none, or `FROM..TO` as the command line has it. */
function parseBaseline(text: string, { sinceNs, untilNs }: SpanWindow): SpanWindow | undefined {
  if (text === "none") return undefined;
  if (text === "before") return { sinceNs: sinceNs - (untilNs - sinceNs), untilNs: sinceNs };
  const [from, to, ...more] = text.split("..");
  if (from === undefined || to === undefined || more.length > 0) {
    throw usage(`\`baseline: ${text}\` is no window.`, "Write `before`, `none`, or FROM..TO such as -8d..-7d.");
  }
  const baseline = { sinceNs: parseInstant(from, untilNs), untilNs: parseInstant(to, untilNs) };
  if (baseline.sinceNs >= baseline.untilNs) {
    throw usage(`\`baseline: ${text}\` ends before it starts.`, "Write the earlier time first, such as -8d..-7d.");
  }
  if (baseline.untilNs <= sinceNs) return baseline;
  throw usage(
    `\`baseline: ${text}\` reaches into the window, which would be compared with itself.`,
    "Let it end where the window begins, or make the window shorter.",
  );
}

function parseSeverity(text: string): Severity {
  const severity = Severity.safeParse(text);
  if (severity.success) return severity.data;
  throw usage(`\`severity: ${text}\` is no severity.`, `Use ${Severity.options.join(", ")}.`);
}
