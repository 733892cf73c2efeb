/** The shadow of one session on stdio: it reads along what client and server write. */
import type { Readable } from "node:stream";
import type { Clock } from "../model/time.ts";
import { lineFramer, type Piece } from "./framing.ts";
import { readMessages } from "./jsonrpc.ts";
import { openMirror, type Heard, type MirrorOptions, type ShadowPeers, type ShadowRecord } from "./mirror.ts";

/** What the shadow works with. */
export type ShadowOptions = MirrorOptions & ShadowPeers & { readonly clock: Clock };

/** How long a shadow whose traffic has ended goes on with the calls that wait, ms. */
const PATIENCE_MS = 30_000;

/** A running shadow. */
export type Shadow = {
  /** Reads along: what the client says, and what the server answers. The streams are read by somebody else too. */
  readonly watch: (streams: { readonly client: Readable; readonly server: Readable }) => void;
  /** Resolves once every call that was taken has been made again, or after `patienceMs`; the rest is dropped. */
  readonly finish: (patienceMs?: number) => Promise<ShadowRecord>;
};

/** Starts a shadow; it calls nothing before the traffic shows a call to be made again. */
export function startShadow({ candidate, reference, clock, ...options }: ShadowOptions): Shadow {
  const mirror = openMirror(options);
  const hear = mirror.converse({ candidate, reference });
  const readAlong = (stream: Readable, from: Heard["from"]): void => {
    const framer = lineFramer();
    const read = ({ bytes, whole }: Piece): void => {
      if (!whole) return;
      for (const { message } of readMessages(Buffer.from(bytes).toString("utf8"))) {
        hear({ from, message, atMs: clock.monotonicMs(), bytes: bytes.length });
      }
    };
    stream.on("data", (chunk: Uint8Array) => framer.push(chunk).forEach(read));
  };
  return {
    watch: ({ client, server }) => {
      readAlong(client, "client");
      readAlong(server, "server");
    },
    finish: (patienceMs = PATIENCE_MS) => mirror.finish(patienceMs),
  };
}
