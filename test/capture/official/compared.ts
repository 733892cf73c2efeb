import { resolve } from "node:path";
import { expect } from "@jest/globals";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import type { Span } from "../../../src/model/span.ts";
import { expectedSpans, inOrder, observed } from "./expected.ts";
import type { Recorded, ServerStart, WireMessage } from "./wire.ts";

/** The same server behind `whetstone proxy`, a process of its own, with its spans in a SQLite store. */
export function proxied(start: ServerStart, db: string, service: string): ServerStart {
  const proxy = [process.execPath, resolve("bin/whetstone.js"), "proxy", "--service", service, "--db", db, "--"];
  return { ...start, command: [...proxy, ...start.command] };
}

/** The server's responses, as the bytes that came, by the id of the request. */
export function responses({ lines }: Recorded): ReadonlyMap<string, string> {
  const found = lines
    .filter(({ direction }) => direction === "to-client")
    .map(({ text }) => [JSON.parse(text) as WireMessage, text] as const)
    .filter(([message]) => message.method === undefined);
  return new Map(found.map(([message, text]) => [String(message.id), text]));
}

/** How often each method went each way. */
export function methods({ lines }: Recorded): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { direction, text } of lines) {
    const { method } = JSON.parse(text) as WireMessage;
    if (method !== undefined) counts[`${direction} ${method}`] = (counts[`${direction} ${method}`] ?? 0) + 1;
  }
  return counts;
}

/**
 * Holds what every proxied session must meet: two spans per request and notification with the attributes of the
 * conventions, the CLIENT span below the SERVER span, all in one session with the server's version. Returns the spans.
 */
export async function expectSpansOf(recorded: Recorded, db: string, service: string): Promise<readonly Span[]> {
  const spans = await storedSpans(db);
  expect(inOrder(spans.map(observed))).toEqual(inOrder(expectedSpans(recorded.lines)));
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  expect(byId.size).toBe(spans.length);
  for (const span of spans) {
    if (span.kind === "server") expect(span.parentSpanId).toBeUndefined();
    else expect(byId.get(span.parentSpanId ?? "")).toMatchObject({ kind: "server", name: span.name });
  }
  const said = recorded.lines.map(({ text }) => (JSON.parse(text) as WireMessage).result?.serverInfo).find(Boolean);
  const ofAll = new Set(
    spans.map(({ resource, attributes }) =>
      JSON.stringify([
        resource["service.name"],
        resource["service.version"],
        attributes["mcp.protocol.version"],
        attributes["mcp.session.id"] === resource["service.instance.id"],
      ]),
    ),
  );
  expect([...ofAll]).toEqual([JSON.stringify([service, said?.version, "2025-11-25", true])]);
  return spans;
}

async function storedSpans(db: string): Promise<readonly Span[]> {
  await using store = await openSqliteStore({ path: db, readOnly: true });
  const spans: Span[] = [];
  for await (const batch of store.spans({})) spans.push(...batch);
  return spans;
}
