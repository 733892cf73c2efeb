import type { Call } from "./calls.ts";

/** Attributes by which a client span names the other side, where that has no spans of its own; the first that is there counts. */
const PEER = ["peer.service", "server.address", "db.system.name", "db.system"] as const;

/** The other service that a call of `service` goes to, by its spans or by name; undefined for work inside the service. */
export function peerOf(call: Call, service: string): string | undefined {
  if (call.service !== service) return call.service;
  return call.children.find((child) => child.service !== service)?.service ?? namedPeer(call);
}

/** What a call's CLIENT or PRODUCER span names as its other side. */
export function namedPeer(call: Call): string | undefined {
  const span = call.nodes.at(-1)?.span;
  if (span?.kind !== "client" && span?.kind !== "producer") return undefined;
  return PEER.map((name) => span.attributes[name]).find(
    (value): value is string => typeof value === "string" && value !== "",
  );
}
