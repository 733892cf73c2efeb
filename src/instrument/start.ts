import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInstrumentation, type Instrumentation, type InstrumentationOptions } from "./core.ts";
import { runAtExit, type Host } from "./exit.ts";
import { readSettings, type Environment } from "./settings.ts";
import type { ExportCounts } from "./pipeline.ts";
import { setUpTelemetry, type ServiceIdentity, type TelemetrySdk } from "./set-up.ts";

/** How to instrument a process. */
export type StartOptions = InstrumentationOptions & {
  /** Start OpenTelemetry's SDK; default: as `WHETSTONE_SDK` says, else yes. No is for a host that starts its own. */
  readonly sdk?: boolean | undefined;
};

/** The process, as far as it is needed. */
export type Surroundings = {
  readonly env: Environment;
  /** The script that is run, if any. */
  readonly script: string | undefined;
  readonly host: Host;
  /** Writes one line to stderr. */
  readonly write: (line: string) => void;
};

/** A process that is instrumented. */
export type Started = Instrumentation & {
  /** What became of the spans so far; undefined when no SDK was started here. */
  readonly counts: () => ExportCounts | undefined;
  /** Exports what waits and ends the SDK, in at most the stated time, ms. Never rejects. */
  readonly shutdown: (patienceMs?: number) => Promise<void>;
};

/**
 * Instruments this process: starts OpenTelemetry's SDK, and exports the rest at the end. Never throws: a part that fails
 * is named on stderr, the others and the host go on.
 */
export function startInstrumentation(options: StartOptions, around: Surroundings): Started {
  const attempt = <T>(what: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      around.write(faultLine(what, error));
      return undefined;
    }
  };
  const settings = readSettings(around.env);
  const setUp = (): TelemetrySdk | undefined =>
    setUpTelemetry({ ...around, settings, service: identityOf(around.script) });
  const sdk = (options.sdk ?? settings.startSdk) ? attempt("the set-up of OpenTelemetry", setUp) : undefined;
  const instrumentation = createInstrumentation({ captureContent: settings.captureContent, ...options });
  const shutdown = async (patienceMs = PATIENCE_MS): Promise<void> => {
    instrumentation.close();
    await sdk?.shutdown(patienceMs);
  };
  if (sdk !== undefined) {
    const atExit = { shutdown, report: sdk.report };
    attempt("the hook on the end of the process", () => runAtExit(around.host, atExit));
  }
  return { ...instrumentation, counts: () => sdk?.counts(), shutdown };
}

/** Longest wait for the last export, ms: MCP clients kill a server two seconds after they asked it to end. */
const PATIENCE_MS = 1_500;

/** What stderr says of a part that failed. */
export function faultLine(what: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `whetstone: ${what} failed, the program goes on without it: ${reason}`;
}

/** Name and version of the nearest package above the script; the script's own name when there is none. */
export function identityOf(script: string | undefined): ServiceIdentity {
  if (script === undefined) return { name: "node" };
  for (let folder = dirname(script); folder !== dirname(folder); folder = dirname(folder)) {
    const found = packageAt(join(folder, "package.json"));
    if (found !== undefined) return found;
  }
  return { name: basename(script) };
}

function packageAt(file: string): ServiceIdentity | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    if (typeof name !== "string" || name === "") return undefined;
    return { name, version: typeof version === "string" ? version : undefined };
  } catch {
    // A package.json that is no JSON names nothing; the next one above may.
    return undefined;
  }
}
