import type { Outcome } from "../mcp-status.ts";
import type { Seen } from "./watch-answer.ts";

/** How an exchange over HTTP came to its end. */
export type Ended = {
  /** `upstream_gone`: before an answer or within it. */
  readonly how: "answered" | "client_gone" | "upstream_gone";
  /** Status of the answer, if there was one. */
  readonly status?: number | undefined;
  readonly seen?: Seen | undefined;
  /** The request is of the stateless wire. */
  readonly isModern: boolean;
  /** Only its headers were read, so that its answer could not be told from others. */
  readonly isNamedOnly: boolean;
  /** The request belongs to a session, which goes on after this exchange. */
  readonly inSession: boolean;
};

const ACCEPTED: ReadonlySet<number> = new Set([202, 204]);

/**
 * What became of requests that the answer did not answer; undefined when their answer may still come. Closing the
 * stream cancels a stateless request (MCP 2026-07-28); on the older wire it does not, and a stream whose events had
 * ids may go on as another one.
 */
export function outcomeOfUnanswered(ended: Ended): Outcome | undefined {
  const { how, status, seen, isModern, inSession, isNamedOnly } = ended;
  if (seen?.error) return seen.error;
  if (status !== undefined && status >= 400) return { kind: "http", status };
  const isResumable = inSession && !isModern && seen?.isResumable === true;
  if (isResumable) return undefined;
  if (how === "client_gone" && isModern) return { kind: "unanswered", errorType: "cancelled" };
  if (how === "answered" && (isNamedOnly || ACCEPTED.has(status ?? 0))) return { kind: "sent" };
  if (how === "answered" && (seen?.unread ?? 0) > 0) return { kind: "result", result: undefined };
  return { kind: "unanswered", errorType: "transport" };
}
