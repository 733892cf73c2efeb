import {
  startHttpCollector,
  type Collector,
  type CollectorOptions,
  type SignalSettings,
  type StartGrpc,
} from "./collector.ts";
import { metricsAndLogs } from "./signals.ts";

/**
 * Receives OTLP traces, metrics and logs over HTTP (see {@link startHttpCollector}) and, with `grpcPort`, over gRPC.
 * @throws WhetstoneError `usage`: host and ports cannot be listened on
 */
export function startCollector(options: CollectorOptions): Promise<Collector> {
  const { host, grpcPort } = options;
  const signals = (settings: SignalSettings) => metricsAndLogs(options, settings);
  if (grpcPort === undefined) return startHttpCollector(options, { signals });
  const startGrpc: StartGrpc = async (parts) => {
    // The library takes a tenth of a second to load; it is loaded only when it is used.
    const { startGrpcServer } = await import("./grpc.ts");
    return startGrpcServer({ host, port: grpcPort }, parts);
  };
  return startHttpCollector(options, { signals, startGrpc });
}
