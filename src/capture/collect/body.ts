import type { IncomingMessage } from "node:http";
import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { codeOf, messageOf } from "../../model/error.ts";
import { concat } from "../framing.ts";

/** A body, or why there is none. */
export type Body =
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "too_large" | "busy" }
  | { readonly kind: "broken"; readonly message: string };

/** Bytes of bodies that are being read, all requests together; bounds what slow and large senders can hold. */
export type ReadBudget = { readonly limitBytes: number; heldBytes: number };

/**
 * Reads a request's body. What comes after the limit (or after the budget is spent) is not kept; the caller answers and
 * lets it flow, so that the sender sees the answer instead of a reset.
 */
export function readBody(request: IncomingMessage, limitBytes: number, budget: ReadBudget): Promise<Body> {
  const { promise, resolve } = Promise.withResolvers<Body>();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const finish = (body: Body): void => {
    request.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
    budget.heldBytes -= length;
    request.on("error", () => undefined); // what is let flow may still be cut off; it is answered already
    resolve(body);
  };
  const onData = (chunk: Uint8Array): void => {
    length += chunk.length;
    budget.heldBytes += chunk.length;
    if (length > limitBytes) finish({ kind: "too_large" });
    else if (budget.heldBytes > budget.limitBytes) finish({ kind: "busy" });
    else chunks.push(chunk);
  };
  const onEnd = (): void => finish({ kind: "read", bytes: concat(chunks, length) });
  const onError = (error: Error): void => finish({ kind: "broken", message: messageOf(error) });
  const onClose = (): void => finish({ kind: "broken", message: "The connection ended within the body." });
  request.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  return promise;
}

/** Content encodings that are taken. */
export const CONTENT_ENCODINGS = ["identity", "gzip", "deflate"] as const;
export type ContentEncoding = (typeof CONTENT_ENCODINGS)[number];

/**
 * A body without its content encoding (RFC 9110, 8.4.1; `deflate` also without the zlib frame, as some write it). Done
 * at once and not on another thread, so that at most one inflated body is held however many arrive.
 */
export function inflateBody(bytes: Uint8Array, encoding: ContentEncoding, limitBytes: number): Body {
  if (encoding === "identity") return { kind: "read", bytes };
  try {
    const inflate = encoding === "gzip" ? gunzipSync : isZlib(bytes) ? inflateSync : inflateRawSync;
    return { kind: "read", bytes: inflate(bytes, { maxOutputLength: limitBytes }) };
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") return { kind: "too_large" };
    return { kind: "broken", message: `The body is no ${encoding}: ${messageOf(error)}.` };
  }
}

/** RFC 1950: compression method 8, and the first two bytes as a number are divisible by 31. */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
