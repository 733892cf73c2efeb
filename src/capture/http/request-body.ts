import type { IncomingMessage } from "node:http";
import { concat } from "../framing.ts";

/** The start of a request's body as far as it had to be held. */
export type HeldBody =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  /** Too large to hold: these parts are the start, the request holds the rest and is paused. */
  | { readonly kind: "start"; readonly parts: readonly Uint8Array[] }
  /** The client went away within the body. */
  | { readonly kind: "broken" };

/** Bytes of messages that are held to be read, all connections together. */
export type HoldBudget = { readonly messageBytes: number; readonly totalBytes: number; heldBytes: number };

/** Holds a body until it is whole, or until it or all bodies together are larger than the budget. */
export function holdBody(request: IncomingMessage, budget: HoldBudget): Promise<HeldBody> {
  const { promise, resolve } = Promise.withResolvers<HeldBody>();
  const parts: Uint8Array[] = [];
  let length = 0;
  const finish = (body: HeldBody): void => {
    request.off("data", onData).off("end", onEnd).off("close", onClose);
    budget.heldBytes -= length;
    resolve(body);
  };
  const onData = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
    budget.heldBytes += part.length;
    if (length <= budget.messageBytes && budget.heldBytes <= budget.totalBytes) return;
    request.pause();
    finish({ kind: "start", parts });
  };
  const onEnd = (): void => {
    const [only] = parts;
    finish({ kind: "whole", bytes: parts.length === 1 && only !== undefined ? only : concat(parts, length) });
  };
  const onClose = (): void => finish({ kind: "broken" });
  request.on("data", onData).once("end", onEnd).once("close", onClose);
  return promise;
}

/** Copies of an answer's bytes, kept until it is whole; undefined once it is larger than the budget. */
export type Collected = {
  readonly add: (part: Uint8Array) => void;
  /** The bytes, or undefined when they were too many. Repeatable; gives the budget back. */
  readonly take: () => Uint8Array | undefined;
};

/** Collects while the bytes are passed on; the budget bounds all that are collected at a time. */
export function collector(budget: HoldBudget): Collected {
  let parts: Uint8Array[] | undefined = [];
  let length = 0;
  const release = (): void => {
    budget.heldBytes -= length;
    length = 0;
    parts = undefined;
  };
  return {
    add: (part) => {
      if (parts === undefined) return;
      parts.push(part);
      length += part.length;
      budget.heldBytes += part.length;
      if (length > budget.messageBytes || budget.heldBytes > budget.totalBytes) release();
    },
    take: () => {
      const bytes = parts && concat(parts, length);
      release();
      return bytes;
    },
  };
}
