import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Attributes } from "../../model/span.ts";
import type { Entry } from "../exchange-table.ts";
import { UNIT } from "../mcp-attributes.ts";
import type { Admission } from "./admission.ts";
import { clientKey, type Arms, type ArmServer } from "./arms.ts";
import type { Counts } from "./counts.ts";
import { callOfHeaders, holdsMessages, readAsked, wiresOf, type Asked, type Wires } from "./messages.ts";
import type { HeldBody, HoldBudget } from "./request-body.ts";
import type { Scope } from "./scope.ts";
import type { Sessions } from "./sessions.ts";
import { outcomeOfUnanswered, type Ended } from "./settle.ts";

/** What all requests of a proxy share. */
export type ForwardParts = {
  readonly admission: Admission;
  readonly arms: Arms;
  readonly isSplit: boolean;
  readonly stickyHeader: string | undefined;
  readonly sessions: Sessions;
  readonly openScope: (server: ArmServer) => Scope;
  readonly counts: Counts;
  readonly budget: HoldBudget;
  /** Secret of this process, under which clients are named in spans. */
  readonly salt: string;
  /** Requests that are not settled. */
  readonly pending: Set<Promise<void>>;
};

/** A request on its way: what is known of it and what became of it. */
export type Passage = {
  readonly asked: Asked;
  readonly method: string | undefined;
  readonly key: string;
  readonly scope: Scope;
  readonly wires: Wires;
  readonly isMcp: boolean;
  /** The request's own messages. */
  readonly entry: Entry;
  /** To be called once it is over, however it ended. */
  readonly settle: (ended: Pick<Ended, "how" | "status" | "seen">) => void;
};

const NO_ENTRY: Entry = { passed: () => undefined, end: () => undefined };

/** A request's body as far as it is held, and whether it is to the MCP endpoint and could be read. */
export type Read = {
  readonly body: Exclude<HeldBody, { kind: "broken" }>;
  readonly isMcp: boolean;
  readonly isRead: boolean;
};

/** Decides where a request goes and begins its spans; `body` is what is to be sent. */
export function openPassage(
  request: IncomingMessage,
  { body, isMcp, isRead }: Read,
  parts: ForwardParts,
): { readonly passage: Passage; readonly body: Read["body"] } {
  const asked = readAsked(request.headers, body);
  const key = clientKey(request, parts.stickyHeader);
  const known = asked.session === undefined ? undefined : parts.sessions.get(asked.session);
  const scope = known ?? parts.openScope(place(asked, key, parts.arms));
  const isUnit = parts.isSplit && asked.session === undefined && !asked.isInitialize;
  const unit: Attributes = isUnit ? { [UNIT]: unitOf(key, parts) } : {};
  const wires = wiresOf(request, scope.server.upstream, { version: asked.version, unit });
  if (asked.line !== undefined) scope.ear?.request(request.rawHeaders, asked.session);
  const accepted = asked.line && scope.spans.accept("to-server", asked.line, wires.toServer);
  const unread = isMcp && holdsMessages(request) && accepted === undefined;
  if (unread) parts.counts.uninjected[isRead ? "tooLarge" : "encoded"] += 1;
  const entry = accepted ?? (unread ? entryOfHeaders(request, scope, wires) : NO_ENTRY);
  const { method } = request;
  const passage: Passage = {
    asked,
    method,
    key,
    scope,
    wires,
    isMcp,
    entry,
    settle: settler({ asked, scope, entry, isNamedOnly: unread }, parts.pending),
  };
  return { passage, body: accepted ? { kind: "whole", bytes: accepted.bytes } : body };
}

/** A session that begins is drawn; a session that is not known is asked for where most of them are. */
function place(asked: Asked, key: string, arms: Arms): ArmServer {
  if (asked.session !== undefined) return arms.baseline;
  return asked.isInitialize ? arms.draw() : arms.forClient(key);
}

function unitOf(key: string, { salt }: ForwardParts): string {
  return createHash("sha256").update(salt).update(key).digest("hex").slice(0, 16);
}

function entryOfHeaders({ headers }: IncomingMessage, scope: Scope, { toServer }: Wires): Entry {
  const line = callOfHeaders(headers);
  return line ? { ...scope.spans.accept("to-server", line, toServer), passed: NO_ENTRY.passed } : NO_ENTRY;
}

type Settling = Pick<Passage, "asked" | "scope" | "entry"> & { readonly isNamedOnly: boolean };

function settler({ asked, scope, entry, isNamedOnly }: Settling, pending: Set<Promise<void>>): Passage["settle"] {
  const { promise, resolve } = Promise.withResolvers<void>();
  pending.add(promise);
  return (ended) => {
    if (!pending.delete(promise)) return;
    resolve();
    const inSession = scope.session !== undefined;
    const outcome = outcomeOfUnanswered({ ...ended, isModern: asked.isModern, inSession, isNamedOnly });
    if (outcome) entry.end(outcome);
    if (!inSession) scope.close();
  };
}
