import { canonicalJson, type Json } from "../../model/json.ts";
import { ATTR } from "../../model/span.ts";
import type { SpanNode } from "../../analyze/tree.ts";
import type { Plain } from "../condition.ts";
import { templateOf } from "../name-template.ts";
import type { ConditionText, TagsText } from "../schema.ts";

/** Attributes that name one call, process or connection: they say nothing about the next one. */
const OF_ONE_CALL = new Set<string>([
  ATTR.mcpSession,
  ATTR.requestId,
  ATTR.run,
  ATTR.arm,
  "client.port",
  "client.address",
  "network.peer.port",
  "network.local.port",
  "server.port",
  "session.id",
  "__proto__",
]);
/** Families of such attributes. */
const OF_ONE_PROCESS = /^(?:thread|process)[.]/;
/** Most attributes of one expected span, longest value that is compared, most values of a list. */
const MOST_TAGS = 40;
const LONGEST_VALUE = 200;
const MOST_VALUES = 5;
/** What tells values apart: beyond what is compared they may look alike, and one character takes up to six in JSON. */
const LONGEST_KEY = 6 * LONGEST_VALUE + 2;
/** A list of values needs this many spans per value: fewer have not shown that there are no others. */
const SPANS_PER_VALUE = 5;

/** What the spans of one kind have in common. */
export type CommonTags = { readonly required: TagsText; readonly optional: TagsText };

type Seen = { present: number; readonly values: Map<string, Json>; readonly types: Set<string> };

/**
 * What attributes spans have in common: those that all have, with their value where it is the same everywhere, one of a
 * few values, or of one type; those that some have, with their value where it is the same wherever it is. `traces`: how
 * many traces the spans are from; within a single one a value that looks like an id counts as none.
 */
export function commonTags(nodes: readonly SpanNode[], traces: number): CommonTags {
  const [required, optional]: [Record<string, Plain | ConditionText>, Record<string, Plain>] = [{}, {}];
  for (const [key, seen] of [...seenIn(nodes)].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MOST_TAGS)) {
    const only = seen.values.size === 1 ? comparable([...seen.values.values()][0], traces) : undefined;
    if (seen.present === nodes.length) required[key] = only ?? looser(seen, nodes.length);
    else if (only !== undefined && seen.present > 1) optional[key] = only;
  }
  return { required, optional };
}

function seenIn(nodes: readonly SpanNode[]): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const { span } of nodes) {
    for (const [key, value] of Object.entries(span.attributes)) {
      if (OF_ONE_CALL.has(key) || OF_ONE_PROCESS.test(key)) continue;
      const known = seen.get(key) ?? { present: 0, values: new Map<string, Json>(), types: new Set<string>() };
      known.present += 1;
      known.types.add(typeOf(value));
      if (known.values.size <= MOST_VALUES) known.values.set(canonicalJson(value).slice(0, LONGEST_KEY), value);
      seen.set(key, known);
    }
  }
  return seen;
}

/** A value that the next span can be compared with. */
function comparable(value: Json | undefined, traces: number): Plain | undefined {
  if (value === undefined || typeof value === "object") return undefined;
  if (typeof value !== "string") return traces > 1 || typeof value === "boolean" ? value : undefined;
  if (value.length > LONGEST_VALUE || value.includes("${")) return undefined;
  return traces > 1 || templateOf(value) === value ? value : undefined;
}

function looser({ values, types }: Seen, spans: number): ConditionText {
  const list = [...values.values()].map((value) => comparable(value, 2));
  const plain = list.filter((value) => value !== undefined);
  const few = values.size > 1 && values.size <= MOST_VALUES && spans >= SPANS_PER_VALUE * values.size;
  if (few && plain.length === list.length) return { in: plain };
  const [type] = types;
  if (types.size !== 1 || type === undefined) return { exists: true };
  return { type: type as NonNullable<ConditionText["type"]> };
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}
