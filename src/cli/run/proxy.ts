import { otlpExporter } from "../../capture/otlp/export.ts";
import { runProxy } from "../../capture/proxy.ts";
import type { Span } from "../../model/span.ts";
import type { SpanStore } from "../../store/port.ts";
import { openSpanStore, systemClock, systemRandom } from "../../wire.ts";
import type { ProxyOptions } from "../commands/proxy.ts";
import type { Io } from "../io.ts";

/** `whetstone proxy`: resolves with the server's exit code. Standard output carries MCP only. */
export async function runProxyCommand(command: readonly string[], options: ProxyOptions, io: Io): Promise<number> {
  await using sink = options.otlp === undefined ? storeSink(options, io) : otlpSink(options.otlp);
  using signals = signalNames(["SIGINT", "SIGTERM", "SIGHUP"]);
  return await runProxy({
    command,
    cwd: io.cwd,
    env: io.inherited,
    service: options.service,
    exporter: sink.write,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    random: systemRandom,
    captureContent: options.captureContent === true,
    injectContext: options.injectContext,
    signal: signals.signal,
  });
}

type Sink = AsyncDisposable & { readonly write: (spans: readonly Span[]) => Promise<void> };

function otlpSink(url: string): Sink {
  return { write: otlpExporter({ url, fetch }), [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Opens the store while the traffic already flows: a store that does not open costs spans, never the connection. */
function storeSink(options: ProxyOptions, io: Io): Sink {
  const opened = openSpanStore({ ...options, cwd: io.cwd }, io.env);
  opened.catch(() => undefined); // reported by each write that needs it, and counted there
  return {
    write: async (spans) => void (await (await opened).append(spans)),
    [Symbol.asyncDispose]: async () => {
      const store = await opened.catch((): SpanStore | undefined => undefined);
      await store?.[Symbol.asyncDispose]();
    },
  };
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
