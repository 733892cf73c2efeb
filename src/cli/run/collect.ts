import { once } from "node:events";
import type { Collector } from "../../capture/collect/collector.ts";
import { startCollector } from "../../capture/collect/start.ts";
import { captureDoor } from "../../protect/capture-door.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { systemClock } from "../../wire.ts";
import type { CollectOptions } from "../commands/collect.ts";
import { openCommandStore } from "../command-store.ts";
import { captureRules } from "../capture-rules.ts";
import { configIfAny } from "../config.ts";
import type { Io } from "../io.ts";
import { parsePort } from "../port.ts";
import { keepYoungGeneration } from "./steady-heap.ts";

/** The port that OpenTelemetry gives to OTLP/gRPC. */
const GRPC_PORT = "4317";

/** `whetstone collect`: until Ctrl-C or SIGTERM; exit 1 when requests under way had to be cut off. */
export async function runCollect(options: CollectOptions, io: Io): Promise<number> {
  const { host } = options;
  const grpcPort = options.grpcPort === true ? GRPC_PORT : options.grpcPort;
  const ports = { port: parsePort(options.port), ...(grpcPort !== undefined && { grpcPort: parsePort(grpcPort) }) };
  if (options.token === "") throw new WhetstoneError("usage", "The token is empty.", { remedy: "Leave --token out." });
  const config = await configIfAny(options, io);
  const door = captureDoor({ captureContent: options.captureContent, services: captureRules(config) });
  keepYoungGeneration();
  return interruptible(async (signal) => {
    await using store = await openCommandStore(options, io);
    await using collector = await startCollector({
      host,
      ...ports,
      token: options.token,
      door,
      onSpans: store.append,
      onMetrics: store.metrics.append,
      onLogs: store.logs.append,
      clock: systemClock,
    });
    announce(io, options, collector);
    if (!signal.aborted) await once(signal, "abort");
    const left = await collector.stop();
    farewell(io, options, { ...collector.totals(), left });
    return left === 0 ? EXIT.pass : EXIT.fail;
  });
}

function announce(io: Io, { json, host, token }: CollectOptions, { url, port, grpcUrl, grpcPort }: Collector): void {
  const grpc = grpcUrl === undefined ? "" : `, OTLP/gRPC on ${grpcUrl}`;
  io.err(`Receiving OTLP/HTTP on ${url}${grpc}. Stop with Ctrl-C.\n`);
  const isLoopback = /^(127\.|localhost$|::1$)/.test(host);
  if (!isLoopback && token === undefined)
    io.err(`Anyone who reaches ${host} may send telemetry; --token asks for one.\n`);
  if (json) printLine(io, { host, url, port, ...(grpcUrl !== undefined && { grpcUrl, grpcPort }) });
}

type Totals = ReturnType<Collector["totals"]> & { readonly left: number };

function farewell(io: Io, { json }: CollectOptions, totals: Totals): void {
  const { requests, received, stored, duplicates, rejected, dropped, left } = totals;
  const refused = `${rejected} rejected, ${dropped} sent back`;
  io.err(
    `${countOf(requests, "request")} with ${countOf(received, "item")}: ${stored} stored, ${duplicates} stored before, ${refused}.\n`,
  );
  const { contentDropped, redacted } = totals;
  if (contentDropped > 0)
    io.err(`${countOf(contentDropped, "attribute")} with content dropped; --capture-content keeps them.\n`);
  if (redacted > 0)
    io.err(`Something was redacted in ${countOf(redacted, "attribute or text", "attributes and texts")}.\n`);
  if (left > 0) io.err(`${countOf(left, "request")} under way cut off.\n`);
  if (json) printLine(io, totals);
}

function printLine(io: Io, value: object): void {
  io.out(`${JSON.stringify(value)}\n`);
}
