import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";

/** Where a server listens. */
export type Address = { readonly host: string; readonly port: number };

/** A server that listens; `stop` takes no more work and says how many requests it had to cut off. */
export type Stoppable = { readonly port: number; readonly stop: () => Promise<number> };

/** Listens and returns the port. @throws WhetstoneError `usage`: host and port cannot be listened on. */
export async function listen(server: Server, { host, port }: Address): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    throw cannotListen({ host, port }, codeOf(error) === "EADDRINUSE", error);
  }
}

/** The error for a host and port that cannot be listened on. */
export function cannotListen({ host, port }: Address, isTaken: boolean, cause: unknown): WhetstoneError {
  const why = isTaken ? "another process has this port" : messageOf(cause);
  return new WhetstoneError("usage", `${host}:${port} cannot be listened on: ${why}.`, {
    remedy: isTaken ? "Stop that process or name another port." : "Name another host or port.",
    cause,
  });
}

/** `host:port` as it stands in a URL. */
export function authority({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
