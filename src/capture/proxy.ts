import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { Arm } from "../model/call.ts";
import type { RedactRules } from "../protect/redact.ts";
import type { Clock } from "../model/time.ts";
import { startRelay, type RelaySummary } from "./relay.ts";
import { launchServer, type ExitStatus, type ServerProcess } from "./server-process.ts";
import { closeSinks, openSinks, type SinkOptions } from "./sinks.ts";
import { randomId, type RandomBytes, type TraceContext } from "./trace-context.ts";

/** What `whetstone proxy` runs with. At least one of `store` and `exporter` is expected. */
export type ProxyOptions = SinkOptions & {
  /** The server: program and arguments, without a shell. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly service: string;
  /** `service.version`; default: what the server says of itself. */
  readonly version?: string | undefined;
  /** Which of two commands this is, when traffic is split between them. */
  readonly arm?: Arm | undefined;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly captureContent?: boolean | undefined;
  /** What is redacted besides the built-in rules. */
  readonly redact?: RedactRules | undefined;
  readonly injectContext?: boolean | undefined;
  /** Context of whoever started the proxy, for messages that carry none. */
  readonly parent?: TraceContext | undefined;
  /** Reads along with both sides, and must not block. */
  readonly watch?: ((streams: { readonly client: Readable; readonly server: Readable }) => void) | undefined;
  /** Aborting passes a signal to the server: the abort reason when it is a signal's name, else SIGTERM. */
  readonly signal?: AbortSignal | undefined;
  /** How long the server may go on after the client closed stdin or a signal came, ms; default 10,000. */
  readonly graceMs?: number | undefined;
};

const DEFAULT_GRACE_MS = 10_000;

/**
 * Stands between an MCP client (stdin, stdout) and a stdio server and records a span per request on each side. The
 * traffic never waits for the store and never suffers from it: what could not be kept is counted and said once on
 * stderr at the end. Resolves after everything is flushed, with the server's exit code, or 128 + n for signal n.
 * @throws WhetstoneError `server_start_failed`
 */
export async function runProxy(options: ProxyOptions): Promise<number> {
  await using server = await launchServer({
    ...options,
    graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    onStderr: (chunk) => void options.stderr.write(chunk),
  });
  const { service, version, arm } = options;
  const sinks = openSinks(options);
  const flushed = finished(options.stdout);
  const relay = startRelay({
    ...options,
    identity: { service, version, arm, session: randomId(options.random, 16) },
    client: { input: options.stdin, output: options.stdout },
    server: { input: server.stdout, output: server.stdin },
    onSpans: (spans) => {
      for (const { queue } of sinks) queue.push(spans);
    },
  });
  options.watch?.({ client: options.stdin, server: server.stdout });
  using _ = passSignal(options.signal, server);
  // Either the client is done (the server sees the end of stdin and may finish), or the server is.
  await Promise.race([relay.clientEnded, relay.closed]);
  const status = await server.stop();
  const summary = await relay.closed;
  await flushed;
  for (const line of await closeSinks(sinks)) options.stderr.write(line);
  tellFaults(options.stderr, summary);
  return exitCode(status);
}

/** The exit code that a shell reports for a process that ended like this. */
export function exitCode({ code, signal }: ExitStatus): number {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

function passSignal(signal: AbortSignal | undefined, server: ServerProcess): Disposable {
  const pass = (): void => {
    server.signal(isSignal(signal?.reason) ? signal.reason : "SIGTERM");
    // What follows is the stop's own escalation, for a server that does not react.
    void server.stop();
  };
  if (signal?.aborted === true) pass();
  signal?.addEventListener("abort", pass);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", pass) };
}

function isSignal(reason: unknown): reason is NodeJS.Signals {
  return typeof reason === "string" && reason in constants.signals;
}

/** Listens from the start: the process's own stdout forgets that it has finished. */
function finished(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("finish", resolve).once("close", resolve);
    if (stream.destroyed) resolve();
  });
}

function tellFaults(stderr: Writable, { faults }: RelaySummary): void {
  const what = "messages passed without spans, or without a part of them, because of a fault in Whetstone";
  if (faults > 0) stderr.write(`whetstone: ${faults} ${what}.\n`);
}
