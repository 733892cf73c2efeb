import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";

/** Decoders of the content codings that are read (RFC 9110, 8.4.1; RFC 8878). */
const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
  ["zstd", createZstdDecompress],
]);

/** Reads a body beside its way to the client. */
export type Decoder = {
  readonly push: (chunk: Uint8Array) => void;
  /** Resolves when everything was read, or with false when it is no such coding. */
  readonly end: () => Promise<boolean>;
};

/** Whether a `Content-Encoding` says that the bytes are the content itself. */
export function isIdentity(contentEncoding: string | undefined): boolean {
  return contentEncoding === undefined || contentEncoding === "" || contentEncoding.toLowerCase() === "identity";
}

/**
 * A decoder for a `Content-Encoding`, or undefined when it is none that is known. What is decoded goes to `onBytes`,
 * at most `limitBytes` of it: a small body may decode to gigabytes.
 */
export function contentDecoder(
  contentEncoding: string,
  options: { readonly limitBytes: number; readonly onBytes: (bytes: Uint8Array) => void },
): Decoder | undefined {
  const stream = DECODERS.get(contentEncoding.toLowerCase())?.();
  if (stream === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let decoded = 0;
  stream.on("data", (bytes: Uint8Array) => {
    decoded += bytes.length;
    if (decoded > options.limitBytes) stream.destroy();
    else options.onBytes(bytes);
  });
  stream.once("end", () => resolve(true)).once("close", () => resolve(false));
  stream.on("error", () => resolve(false)); // the client gets the bytes as they are; here they only could not be read
  return {
    push: (chunk) => {
      if (!stream.destroyed) stream.write(chunk);
    },
    end: () => {
      if (!stream.destroyed) stream.end();
      return promise;
    },
  };
}
