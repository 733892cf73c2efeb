import { isBelow } from "../../capture/http/arms.ts";
import { runProxy } from "../../capture/proxy.ts";
import { parseTraceparent, pooledRandom } from "../../capture/trace-context.ts";
import { WhetstoneError } from "../../model/error.ts";
import { systemClock, systemRandom } from "../../wire.ts";
import type { ProxyOptions } from "../commands/proxy.ts";
import { captureOf } from "../capture-rules.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { splitWords } from "../words.ts";
import { checkShadowFlags, proxyShadow } from "./proxy-shadow.ts";
import { spanSink } from "./span-sink.ts";
import { keepYoungGeneration } from "./steady-heap.ts";

/** Share of sessions that go to a canary when no other is given, percent. */
const DEFAULT_WEIGHT = 10;

/**
 * `whetstone proxy`. On stdio it resolves with the server's exit code, and standard output carries MCP only.
 * @throws WhetstoneError `usage` when flags contradict each other
 */
export async function runProxyCommand(words: readonly string[], options: ProxyOptions, io: Io): Promise<number> {
  checkFlags(words, options);
  const weight = parseWeight(options);
  keepYoungGeneration();
  if (options.listen === undefined) return runStdio(chooseArm(words, options, weight), options, io);
  const { runHttpProxy } = await import("./http-proxy.ts");
  return runHttpProxy({ ...options, listen: options.listen, weight }, io);
}

type ArmCommand = Pick<Parameters<typeof runProxy>[0], "command" | "arm" | "version">;

async function runStdio(chosen: ArmCommand, options: ProxyOptions, io: Io): Promise<number> {
  const capture = captureOf(await configIfAny(options, io), options);
  await using sink = await spanSink(options, io);
  using signals = signalNames(["SIGINT", "SIGTERM", "SIGHUP"]);
  await using shadow = await proxyShadow(chosen.command, options, io);
  const code = await runProxy({
    ...chosen,
    cwd: io.cwd,
    env: io.inherited,
    service: options.service,
    exporter: sink.write,
    exporterName: sink.name,
    exporterInFlight: sink.inFlight,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    random: pooledRandom(systemRandom),
    ...capture,
    injectContext: options.injectContext,
    // A client that has a trace of its own says so in the environment (OpenTelemetry's carrier of context).
    parent: parseTraceparent(io.inherited["TRACEPARENT"]),
    signal: signals.signal,
    watch: shadow?.watch,
  });
  await shadow?.report();
  return code;
}

/** A process of the proxy serves one session, so it draws once. */
function chooseArm(command: readonly string[], options: ProxyOptions, weight: number): ArmCommand {
  const baseline = { command, version: options.serviceVersion };
  if (options.canaryCommand === undefined) return baseline;
  const canary = { command: splitWords(options.canaryCommand), version: options.canaryVersion };
  return isBelow(systemRandom(4), weight) ? { ...canary, arm: "canary" } : { ...baseline, arm: "baseline" };
}

/** Each rule: when it is broken, what is wrong and what to do. */
function checkFlags(words: readonly string[], options: ProxyOptions): void {
  const http = options.listen !== undefined;
  const { upstream, canaryUpstream, canaryCommand } = options;
  const canary = canaryUpstream ?? canaryCommand;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [!http && words.length === 0, "There is no server.", "Name its command after --, or use --listen and --upstream."],
    [http && words.length > 0, "--listen and a command exclude each other.", "Start the server and name its URL."],
    [http && upstream === undefined, "--listen needs --upstream.", "Name the MCP server's URL."],
    [!http && upstream !== undefined, "--upstream needs --listen.", "Name the port for the clients."],
    [!http && canaryUpstream !== undefined, "--canary-upstream needs --listen.", "On stdio use --canary-command."],
    [http && canaryCommand !== undefined, "--canary-command is for stdio.", "With --listen use --canary-upstream."],
    [!http && options.adminPort !== undefined, "--admin-port needs --listen.", "On stdio each process draws once."],
    [canary === undefined && options.weight !== undefined, "--weight needs a canary.", "Name one, or leave it out."],
    [canary === undefined && options.canaryVersion !== undefined, "--canary-version needs a canary.", "Name one."],
  ];
  checkShadowFlags(options);
  for (const [isBroken, message, remedy] of rules) if (isBroken) throw new WhetstoneError("usage", message, { remedy });
}

function parseWeight({ weight }: ProxyOptions): number {
  if (weight === undefined) return DEFAULT_WEIGHT;
  const percent = /^\d+(\.\d+)?%?$/.test(weight) ? Number.parseFloat(weight) : Number.NaN;
  if (percent <= 100) return percent;
  throw new WhetstoneError("usage", `"${weight}" is no weight.`, { remedy: "Write a percentage from 0 to 100." });
}

/** Aborts with the name of the first of these signals that comes. */
function signalNames(names: readonly NodeJS.Signals[]): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const handlers = names.map((name) => [name, () => controller.abort(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
