import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Arm } from "../../model/call.ts";
import type { ReportedVersion } from "../exchange-table.ts";
import type { RandomBytes } from "../trace-context.ts";
import type { Upstream } from "./upstream.ts";

/** The server of one arm. */
export type ArmServer = {
  readonly arm: Arm;
  readonly upstream: Upstream;
  /** `service.version`; without it the spans state what the server says of itself. */
  readonly version: string | undefined;
  readonly reported: ReportedVersion;
};

/** The share of new sessions that go to the canary, in percent; may change at any time. */
export type Weight = { percent: number };

/** Decides which server a request goes to. */
export type Arms = {
  readonly baseline: ArmServer;
  /** Draws for a session that begins. */
  readonly draw: () => ArmServer;
  /** The server of a client that has no session. */
  readonly forClient: (key: string) => ArmServer;
  /** Keeps a client with the server that answered its `initialize` without giving a session. */
  readonly pin: (key: string, server: ArmServer) => void;
};

/** Clients that are kept with a server; the oldest is forgotten first. */
const PINNED = 10_000;

/**
 * Routes sessions, not calls. A session that begins is drawn at random with the weight and then stays where it is; a
 * client without sessions is placed by a hash of its key, so that raising the weight only ever moves clients from the
 * baseline to the canary.
 */
export function arms(options: {
  readonly baseline: ArmServer;
  readonly canary?: ArmServer | undefined;
  readonly weight: Weight;
  readonly random: RandomBytes;
}): Arms {
  const { baseline, canary, weight, random } = options;
  const pinned = new Map<string, ArmServer>();
  const choose = (bytes: Uint8Array): ArmServer =>
    canary !== undefined && isBelow(bytes, weight.percent) ? canary : baseline;
  return {
    baseline,
    draw: () => choose(random(4)),
    forClient: (key) => pinned.get(key) ?? choose(createHash("sha256").update(key).digest()),
    pin: (key, server) => {
      if (canary === undefined) return;
      pinned.delete(key);
      pinned.set(key, server);
      const [oldest] = pinned.keys();
      if (pinned.size > PINNED && oldest !== undefined) pinned.delete(oldest);
    },
  };
}

/** Whether four uniform bytes, read as a fraction of one, lie below a percentage. */
export function isBelow(bytes: Uint8Array, percent: number): boolean {
  const number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  return number / 2 ** 32 < percent / 100;
}

/**
 * What stands for a client that has no session: the value of the header that was named for it, else address and
 * user agent.
 */
export function clientKey(request: IncomingMessage, stickyHeader: string | undefined): string {
  const named = stickyHeader === undefined ? undefined : request.headers[stickyHeader.toLowerCase()];
  if (named !== undefined) return JSON.stringify(["header", named]);
  return JSON.stringify([clientAddress(request), request.headers["user-agent"] ?? ""]);
}

/** The client's address; IPv4 also where the socket is IPv6. */
export function clientAddress(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}
