import { ATTR } from "../model/span.ts";
import { isModern } from "../capture/mcp-status.ts";
import type { Workshop } from "./operation.ts";
import type { Side } from "./telemetry.ts";
import { NETWORK, type networkOf, type Transport } from "./transport.ts";

/** A session under way: since `initialize`, on the wire that has sessions. */
export type Session = {
  /** The side that this process is on. */
  readonly side: Side;
  /** Monotonic ms. */
  readonly startedMs: number;
  readonly onEnd: () => void;
};

/**
 * Records a session's length. Nothing is recorded on the stateless wire, nor over HTTP without a session id, where
 * every request has its own connection.
 * @param broken whether requests were still open, which makes its end an error of the transport
 */
export function endSession(
  of: {
    readonly workshop: Workshop;
    readonly transport: Transport;
    readonly network: ReturnType<typeof networkOf>;
    readonly version: string | undefined;
  },
  { side, startedMs }: Session,
  broken: boolean,
): void {
  const { telemetry } = of.workshop;
  const network = of.network[side];
  const anonymous = network[NETWORK.protocolName] === "http" && typeof of.transport.sessionId !== "string";
  if (anonymous || isModern(of.version)) return;
  telemetry.session(side, (telemetry.nowMs() - startedMs) / 1000, {
    ...network,
    ...(of.version !== undefined && { [ATTR.mcpProtocol]: of.version }),
    ...(broken && { [ATTR.errorType]: "transport" }),
  });
}
