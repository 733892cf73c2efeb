import type { Arm, CallResult, Workload } from "../model/call.ts";
import { WhetstoneError, messageOf } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { Clock } from "../model/time.ts";
import type { PlayClient } from "./play-client.ts";
import { startRelay, type Relay } from "./relay.ts";
import { launchServer, startFailed, type ServerCommand, type ServerProcess } from "./server-process.ts";
import { spanQueue, type SpanQueue } from "./span-queue.ts";
import type { RandomBytes } from "./trace-context.ts";

/** What is played, against which server, and where its spans go. */
export type PlayOptions = {
  readonly server: Pick<ServerCommand, "command" | "cwd" | "env" | "graceMs">;
  readonly session: Workload["sessions"][number];
  readonly service: string;
  /** `service.version` of the spans, for example the commit that is measured. */
  readonly version?: string | undefined;
  readonly arm: Arm;
  readonly run: string;
  /** Most calls in flight; they start in the order of the session. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly captureContent?: boolean | undefined;
  /** Stores spans; a rejection fails the play once the calls are done. */
  readonly onSpans: (spans: readonly Span[]) => Promise<unknown>;
  /** Told the server's process group as soon as it runs; what it returns is done once the server has gone. */
  readonly onStarted?: ((pid: number) => Promise<() => Promise<void>>) | undefined;
  /** Limit of the handshake and of each call, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Plays a session's calls as a real MCP client against a freshly started server, through the relay. One result per call,
 * in the order of the session. The server has ended and all spans are stored when the promise settles.
 * @throws WhetstoneError `server_start_failed`, `workload_invalid` (unknown tool), `server_died` (`data.results`: the
 * calls so far, `data.stderr`), `interrupted`; when the calls went well, what `onSpans` rejected with
 */
export async function playSession(options: PlayOptions): Promise<CallResult[]> {
  checkInterrupted(options.signal);
  const queue = spanQueue({ write: options.onSpans });
  const played = await playOn(options, queue).then(
    (results) => ({ results }),
    (error: unknown) => ({ error }),
  );
  const stored = await queue.close();
  if ("error" in played) throw played.error;
  if ("error" in stored) throw stored.error;
  return played.results;
}

async function playOn(options: PlayOptions, queue: SpanQueue): Promise<CallResult[]> {
  // The SDK's client is a quarter of what an action loads, and most of them play nothing.
  const { playClient } = await import("./play-client.ts");
  await using server = await launchServer(options.server);
  const forget = await options.onStarted?.(server.pid);
  await using stack = new AsyncDisposableStack();
  if (forget) stack.defer(forget);
  stack.defer(async () => void (await server.stop()));
  const client = playClient(options.clock);
  const { service, version, arm, run, session } = options;
  const relay = startRelay({
    ...options,
    identity: { service, version, arm, run, session: session.id },
    client: client.peer,
    server: { input: server.stdout, output: server.stdin },
    onSpans: queue.push,
  });
  const play: Play = { options, server, client, died: false, done: false };
  const ended = relay.closed.then(() => onRelayClosed(play));
  const interrupt = () => void client.close();
  options.signal?.addEventListener("abort", interrupt);
  try {
    await handshake(play);
    return await playCalls(play);
  } finally {
    options.signal?.removeEventListener("abort", interrupt);
    await end(play, relay);
    await ended;
  }
}

type Play = {
  readonly options: PlayOptions;
  readonly server: ServerProcess;
  readonly client: PlayClient;
  /** The server's output ended before the calls were done. */
  died: boolean;
  done: boolean;
};

async function onRelayClosed(play: Play): Promise<void> {
  if (!play.done) play.died = true;
  await play.client.close();
}

async function end(play: Play, relay: Relay): Promise<void> {
  play.done = true;
  await play.client.close();
  await play.server.stop();
  await relay.closed;
}

async function handshake(play: Play): Promise<void> {
  const { options, client } = play;
  let offered: readonly string[];
  try {
    await client.connect(options.timeoutMs);
    offered = await client.toolNames(options.timeoutMs);
  } catch (error) {
    checkInterrupted(options.signal);
    const why = play.died ? `it ended before it answered initialize (${await exitText(play)})` : messageOf(error);
    throw startFailed(options.server, why, { stderr: play.server.stderrTail(), cause: error });
  }
  checkTools(options.session, offered);
}

/** @throws WhetstoneError `workload_invalid` for the first tool that the server does not offer */
function checkTools(session: PlayOptions["session"], offered: readonly string[]): void {
  const unknown = session.calls.find((call) => !offered.includes(call.tool));
  if (unknown === undefined) return;
  const list = offered.length === 0 ? "no tools" : offered.join(", ");
  throw new WhetstoneError(
    "workload_invalid",
    `Session "${session.id}" calls the tool "${unknown.tool}", which the server does not offer. It offers: ${list}.`,
    {
      remedy: "Correct the tool's name in the workload, or record the workload again from this server.",
      data: { session: session.id, tool: unknown.tool, offered: [...offered] },
    },
  );
}

async function playCalls(play: Play): Promise<CallResult[]> {
  const { options, client } = play;
  const results: (CallResult | undefined)[] = [];
  const entries = options.session.calls.entries();
  // Workers share one iterator, so calls start in order and each worker waits for its own.
  const worker = async (): Promise<void> => {
    for (const [index, call] of entries) {
      if (play.died || options.signal?.aborted === true) return;
      results[index] = await client.call(call, `${options.session.id}/${index + 1}`, options.timeoutMs);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency) }, worker));
  checkInterrupted(options.signal);
  const played = results.filter((result) => result !== undefined);
  if (play.died) throw await serverDied(play, played);
  return played;
}

async function serverDied(play: Play, results: readonly CallResult[]): Promise<WhetstoneError> {
  const { options, server } = play;
  const status = await exitText(play);
  const stderr = server.stderrTail();
  return new WhetstoneError(
    "server_died",
    `The server "${options.server.command.join(" ")}" ended (${status}) after ${results.length} of ` +
      `${options.session.calls.length} calls of session "${options.session.id}".` +
      (stderr.trim() === "" ? "" : ` Its stderr ends with:\n${stderr.trimEnd()}`),
    {
      remedy: "See the server's stderr; play the session's last call by hand to find what ends it.",
      data: { session: options.session.id, results: [...results], stderr },
    },
  );
}

async function exitText(play: Play): Promise<string> {
  const { code, signal } = await play.server.stop();
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

function checkInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new WhetstoneError("interrupted", "Playing the workload was interrupted.", { cause: signal.reason });
}
