import { startHttpCollector, type Collector, type CollectorOptions } from "./collector.ts";

/**
 * Receives OTLP traces, metrics and logs over HTTP (see {@link startHttpCollector}) and, with `grpcPort`, over gRPC.
 * @throws WhetstoneError `usage`: host and ports cannot be listened on
 */
export function startCollector(options: CollectorOptions): Promise<Collector> {
  const { host, grpcPort } = options;
  if (grpcPort === undefined) return startHttpCollector(options);
  return startHttpCollector(options, async (parts) => {
    // The library takes a tenth of a second to load; it is loaded only when it is used.
    const { startGrpcServer } = await import("./grpc.ts");
    return startGrpcServer({ host, port: grpcPort }, parts);
  });
}
