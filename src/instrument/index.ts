import { installModuleHooks } from "./module-hooks.ts";
import { faultLine, startInstrumentation, type Started, type StartOptions } from "./start.ts";

/**
 * The library `whetstone/instrument`. {@link instrument} does for a program what `node --import whetstone/register`
 * does from outside; `createInstrumentation` only makes spans and metrics, for a host with its own OpenTelemetry.
 */
export { createInstrumentation, type Instrumentation, type InstrumentationOptions } from "./core.ts";
export { headSampler } from "./head-sampler.ts";
export { MonitoringSpanProcessor } from "./monitoring-processor.ts";
export { SAMPLE_WEIGHT } from "./sample-weight.ts";
export { tailSampler, type TailOptions } from "./tail-sampler.ts";
export type { Started, StartOptions } from "./start.ts";

/** Options of {@link instrument}. */
export type InstrumentOptions = StartOptions & {
  /** Patch each copy of the MCP SDK that is loaded from now on; default true. */
  readonly hooks?: boolean | undefined;
};

/**
 * Instruments this process. Call it before the MCP SDK is loaded; classes that are loaded already are handed to
 * `patch` of what it returns. Never throws.
 */
export function instrument(options: InstrumentOptions = {}): Started {
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  const started = startInstrumentation(options, {
    env: process.env,
    script: process.argv[1],
    host: process,
    write,
  });
  if (options.hooks === false) return started;
  const onFault = (error: unknown): void => write(faultLine("the patch of a module", error));
  if (!installModuleHooks(started.patch, onFault)) onFault(new Error("Node 22.20 or newer is needed."));
  return started;
}
