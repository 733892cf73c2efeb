import { once } from "node:events";
import { isLoopback } from "../../capture/http/admission.ts";
import { startHttpProxy, type HttpProxy } from "../../capture/http/proxy.ts";
import { parseUpstream } from "../../capture/http/upstream.ts";
import { pooledRandom } from "../../capture/trace-context.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { EXIT } from "../../model/codes.ts";
import { systemClock, systemRandom } from "../../wire.ts";
import type { ProxyOptions } from "../commands/proxy.ts";
import { captureOf } from "../capture-rules.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { parsePort } from "../port.ts";
import { httpShadow } from "./proxy-shadow.ts";
import { spanSink } from "./span-sink.ts";
import { countOf } from "../../model/count-of.ts";

/** How often losses of a running proxy are looked at; they are said when there are new ones. */
const LOSS_CHECK_MS = 30_000;

/** Flags with the port, and the weight in percent. */
export type HttpProxyFlags = Omit<ProxyOptions, "listen" | "weight"> & {
  readonly listen: string;
  readonly weight: number;
};

/** `whetstone proxy --listen`: until Ctrl-C or SIGTERM. */
export async function runHttpProxy(flags: HttpProxyFlags, io: Io): Promise<number> {
  const { canaryUpstream, adminPort } = flags;
  const baseline = { url: parseUpstream(flags.upstream ?? ""), version: flags.serviceVersion };
  const canary =
    canaryUpstream === undefined ? undefined : { url: parseUpstream(canaryUpstream), version: flags.canaryVersion };
  const listen = { host: flags.host, port: parsePort(flags.listen) };
  const admin = adminPort === undefined ? undefined : parsePort(adminPort);
  const shadow = await httpShadow(flags, io);
  const capture = captureOf(await configIfAny(flags, io), flags);
  return interruptible(async (signal) => {
    await using sink = await spanSink(flags, io);
    await using proxy = await startHttpProxy({
      listen,
      baseline,
      canary,
      weight: flags.weight,
      adminPort: admin,
      stickyHeader: flags.stickyHeader,
      allowedHosts: flags.allowHost,
      service: flags.service,
      exporter: sink.write,
      exporterName: sink.name,
      exporterInFlight: sink.inFlight,
      clock: systemClock,
      random: pooledRandom(systemRandom),
      ...capture,
      injectContext: flags.injectContext,
      shadow: shadow?.options,
    });
    using _ = sayLosses(proxy, io);
    announce(proxy, flags, io);
    if (!signal.aborted) await once(signal, "abort");
    for (const line of await proxy.stop()) io.err(line);
    farewell(proxy, flags, io);
    const record = proxy.shadow();
    if (record !== undefined) await shadow?.report(record);
    return EXIT.pass;
  });
}

function announce({ url, port, adminUrl }: HttpProxy, flags: HttpProxyFlags, io: Io): void {
  const { upstream = "", canaryUpstream, weight, host } = flags;
  const canary = canaryUpstream === undefined ? "" : `, ${weight} % of sessions to ${withoutQuery(canaryUpstream)}`;
  io.err(`Proxy on ${url}/mcp for ${withoutQuery(upstream)}${canary}. Stop with Ctrl-C.\n`);
  if (adminUrl !== undefined) io.err(`Weight and status on ${adminUrl}.\n`);
  if (!isLoopback(host))
    io.err(`Everybody who reaches ${host} reaches the server; put TLS and a firewall before it.\n`);
  if (flags.json) io.out(`${JSON.stringify({ url, port, ...(adminUrl !== undefined && { adminUrl }) })}\n`);
}

/** A query may hold a key. */
function withoutQuery(text: string): string {
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`;
}

function farewell(proxy: HttpProxy, { json, canaryUpstream }: HttpProxyFlags, io: Io): void {
  const status = proxy.status();
  const { requests, upstreamFailures, refused, sessions } = status;
  const canary = canaryUpstream === undefined ? "" : `, ${countOf(sessions.canary, "session")} to the canary`;
  io.err(
    `${countOf(requests, "request")} passed, ${upstreamFailures} without an answer, ${refused} refused; ${countOf(sessions.baseline, "session")} to the baseline${canary}.\n`,
  );
  if (json) io.out(`${JSON.stringify(status)}\n`);
}

/** A proxy may run for weeks; that its spans get lost is said while it runs. */
function sayLosses(proxy: HttpProxy, io: Io): Disposable {
  let said = "";
  const timer = setInterval(() => {
    const lines = proxy.losses().join("");
    if (lines !== said) io.err(lines);
    said = lines;
  }, LOSS_CHECK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
