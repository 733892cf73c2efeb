import { shownName } from "./shown.ts";
import type { ServerParts } from "./tool.ts";

/** Most values that MCP lets a completion have. */
const MOST = 100;
const DAYS = 7n * 86_400_000_000_000n;

/** What is being typed: a name of a kind, operations of one service where it is known. */
export type NameTyped = {
  readonly kind: "service" | "operation";
  readonly start: string;
  readonly service?: string | undefined;
};

/**
 * Names of services or operations of the last seven days that begin with a text, whatever its case; those with the most
 * calls first. Nothing when there is no store: a client asks while a person types.
 */
export async function completeName(parts: ServerParts, { kind, start, service }: NameTyped): Promise<string[]> {
  const now = parts.clock.now();
  const store = await parts.store("read").catch(() => undefined);
  if (store === undefined) return [];
  const { operations } = await store.operations({ sinceNs: now - DAYS, untilNs: now });
  const calls = new Map<string, number>();
  for (const operation of operations) {
    if (service !== undefined && shownName(operation.service) !== service) continue;
    const name = shownName(operation[kind]);
    if (name.toLowerCase().startsWith(start.toLowerCase())) calls.set(name, (calls.get(name) ?? 0) + operation.calls);
  }
  return [...calls]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MOST)
    .map(([name]) => name);
}

/** Ids of the newest traces that begin with a text. */
export async function completeTraceId(parts: ServerParts, start: string): Promise<string[]> {
  const store = await parts.store("read").catch(() => undefined);
  if (store === undefined) return [];
  const { traces } = await store.search({}, { limit: 1_000 });
  const ids = traces.map(({ traceId }) => traceId).filter((id) => id.startsWith(start.toLowerCase()));
  return ids.slice(0, MOST);
}

/** Names of stored specifications that begin with a text. */
export async function completeSpecName(parts: ServerParts, start: string): Promise<string[]> {
  const store = await parts.store("read").catch(() => undefined);
  if (store === undefined) return [];
  const { documents } = await store.documents.list("spec", { limit: 1_000 });
  return documents
    .map(({ name }) => name)
    .filter((name) => name.startsWith(start))
    .slice(0, MOST);
}
