import { isObject } from "../capture/jsonrpc.ts";
import type { Ending } from "./operation.ts";

/** Why an outgoing request may end early, as far as the caller said. */
export type Abort = { readonly known: boolean; readonly signal?: AbortSignal | undefined };

/**
 * The SDKs cancel both when the caller asks for it and when the time is up; only the caller's signal tells which.
 */
export function reasonOf({ known, signal }: Abort): Ending {
  if (!known) return { kind: "unanswered", errorType: "cancelled" };
  const timedOut = signal?.aborted !== true || nameOf(signal.reason) === "TimeoutError";
  return timedOut ? { kind: "failed", errorType: "timeout" } : { kind: "unanswered", errorType: "cancelled" };
}

/** What a transport threw: an HTTP status, else the class; the text may hold anything and is left out. */
export function thrown(error: unknown): Ending {
  const status = statusOf(error);
  if (status !== undefined) return { kind: "http", status };
  const name = isObject(error) && "message" in error ? nameOf(error.constructor) : undefined;
  return { kind: "failed", errorType: name ?? "_OTHER" };
}

/** `StreamableHTTPError.code` of SDK 1.x, `SdkHttpError.data.status` of SDK 2.x. */
function statusOf(error: unknown): number | undefined {
  if (!isObject(error)) return undefined;
  const data = isObject(error["data"]) ? error["data"]["status"] : undefined;
  const status = data ?? error["code"];
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined;
}

function nameOf(named: unknown): string | undefined {
  const name: unknown = named !== null && named !== undefined ? (named as { name?: unknown }).name : undefined;
  return typeof name === "string" && name !== "" ? name : undefined;
}
