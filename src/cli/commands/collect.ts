import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type CollectOptions = CommonOptions & {
  readonly host: string;
  readonly port: string;
  /** `true` when the flag has no number. */
  readonly grpcPort?: string | true;
  readonly token?: string;
  readonly captureContent?: boolean;
};

/** `whetstone collect`: an OTLP receiver. */
export const collectTelemetry: Register = (program, context) => {
  const command = program
    .command("collect")
    .description(
      "receive OpenTelemetry spans, metrics and logs (OTLP over HTTP, protobuf and JSON, and gRPC) into the store",
    )
    .option("--port <number>", "port of OTLP/HTTP; 0 takes any free one", "4318")
    .option("--grpc-port [number]", "serve OTLP/gRPC too, on this port (4317 when no number is given)")
    .option(
      "--host <address>",
      "address to listen on; put a TLS proxy in front of any other than loopback",
      "127.0.0.1",
    )
    .option("--token <token>", "ask every sender for Authorization: Bearer TOKEN");
  command.option("--capture-content", "keep arguments, results and prompts that spans carry (off: they are dropped)");
  common(command, "collect --grpc-port 4317");
  command.action(async (options: CollectOptions) => {
    const { runCollect } = await import("../run/collect.ts");
    context.exit(await runCollect(options, context.io));
  });
};
