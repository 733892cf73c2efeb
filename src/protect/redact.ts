import type { Json } from "../model/json.ts";
import { cutText, jsonBytes } from "./redact-cut.ts";
import { IS_MARKER, marker, textRedactor, type TextRedactor, type TextRules } from "./redact-text.ts";
import { isFolder } from "./redact-value.ts";
import { keyRule, type KeyRule } from "./secret-keys.ts";

/** What is redacted besides the built-in rules, and how much of a value is kept. */
export type RedactRules = TextRules & {
  /** Places within a value, as JSON pointers (RFC 6901) in which `*` stands for any one name or index. */
  readonly paths?: readonly string[] | undefined;
  /** Most bytes of a value's JSON that are kept; default {@link CONTENT_BYTES}. */
  readonly maxBytes?: number | undefined;
};

/** Most bytes of JSON that are kept of an argument or a result when nothing else is said. */
export const CONTENT_BYTES = 8_192;

/** Content as it may be kept. */
export type Content = {
  readonly value: Json;
  /** How many bytes of it were cut off; the value says so too. */
  readonly truncatedBytes: number;
  /** Whether anything was taken out. */
  readonly redacted: boolean;
};

/** Takes secrets out. Its functions may throw on objects whose members do; never on JSON. */
export type Redactor = {
  /** A text, of any length. */
  readonly text: TextRedactor;
  /** The rule that a name falls under; undefined when its value may stay. */
  readonly key: KeyRule;
  /** A whole value of any size; the value itself when there is nothing to redact. */
  readonly value: (value: unknown) => Json;
  /**
   * A value of at most `maxBytes`. What does not fit is cut before it is looked at, so that the cost does not grow with
   * what is left out; a cut value is the beginning of its JSON as text, with a note of the cut, and no JSON any more.
   * `name`: what the value is called, where it is a member of something, such as a variable of a prompt.
   */
  readonly content: (value: unknown, name?: string) => Content;
};

/** Levels of arrays and objects that are looked into; strings that hold JSON count too. */
const DEEPEST = 64;
/** Characters beyond the limit that are looked at, so that no half of a secret is left at the cut. */
const MARGIN = 1_024;

type Rules = { readonly key: KeyRule; readonly text: TextRedactor };
/** Pointers that are still open below a place, the names that were passed left out. */
type Open = readonly (readonly string[])[];
/** One value on its way: `room` is what may still be kept, a lower bound in bytes. */
type Walk = { readonly rules: Rules; room: number; changed: boolean; cut: boolean; copies: number };
const newWalk = (rules: Rules, room: number): Walk => ({ rules, room, changed: false, cut: false, copies: 1 });
type Place = { readonly open: Open; readonly depth: number };

/** A {@link Redactor} of the built-in rules and `rules`. Linear in what is kept, and for `value` in what is given. */
export function redactor(rules: RedactRules = {}): Redactor {
  const parts: Rules = { key: keyRule(rules.keys), text: textRedactor(rules) };
  const pointers = (rules.paths ?? []).map(pointerNames);
  const most = rules.maxBytes ?? CONTENT_BYTES;
  return {
    ...parts,
    value: (value) => {
      const walk = newWalk(parts, Number.POSITIVE_INFINITY);
      const redacted = visit(walk, value, { open: [], depth: 0 });
      return walk.changed ? redacted : (value as Json);
    },
    content: (value, name) => {
      const walk = newWalk(parts, most);
      const open = { open: pointers, depth: 0 };
      const kept = name === undefined ? visit(walk, value, open) : named(walk, { name, value }, open);
      const cut = cutText(kept, { maxBytes: most, whole: walk.cut ? jsonBytes(value) : undefined });
      return { ...cut, redacted: walk.changed };
    },
  };
}

function pointerNames(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const below = (open: Open, name: string): Open =>
  open.length === 0 ? open : open.filter(([first]) => first === "*" || first === name).map((names) => names.slice(1));

function visit(walk: Walk, value: unknown, place: Place): Json {
  switch (typeof value) {
    case "string":
      return visitText(walk, value, place);
    case "number":
    case "boolean":
      walk.room -= 1;
      return value;
    case "bigint":
      return visitText(walk, value.toString(), place);
    case "object":
      if (value === null) break;
      if (place.depth >= DEEPEST) return replaced(walk, "nested too deeply");
      if (Array.isArray(value)) return visitArray(walk, value, place);
      if ("toJSON" in value && typeof value.toJSON === "function") {
        return visit(walk, value.toJSON(), { ...place, depth: place.depth + 1 });
      }
      return visitObject(walk, value as Readonly<Record<string, unknown>>, place);
    case "undefined":
    case "function":
    case "symbol":
  }
  walk.room -= 4;
  return null;
}

function visitArray(walk: Walk, items: readonly unknown[], { open, depth }: Place): Json[] {
  const kept: Json[] = [];
  walk.room -= 1;
  for (let at = 0; at < items.length; at += 1) {
    if (isFull(walk)) break;
    const item = items[at];
    const rule = at > 0 ? pairRule(walk, items, at) : undefined;
    kept.push(
      rule !== undefined && isSecretValue(item, rule)
        ? replaced(walk, `key ${rule}`)
        : member(walk, { name: String(at), value: item }, { open, depth }),
    );
    walk.room -= 1;
  }
  return kept;
}

/** `["--password", "hunter2"]` of a command's words, and `["Authorization", "…"]` of headers as pairs. */
function pairRule(walk: Walk, items: readonly unknown[], at: number): string | undefined {
  const name = items[at - 1];
  if (typeof name !== "string" || typeof items[at] !== "string" || name.length > 128) return undefined;
  const isPair = items.length === 2 && /^[\w-]+$/.test(name);
  return isPair || /^--?[\w-]+$/.test(name) ? walk.rules.key(name) : undefined;
}

function visitObject(walk: Walk, object: Readonly<Record<string, unknown>>, { open, depth }: Place): Json {
  const kept: { [name: string]: Json } = {};
  const listed = listedRule(walk, object);
  walk.room -= 1;
  for (const name of Object.keys(object)) {
    if (isFull(walk)) break;
    const value = object[name];
    if (value === undefined || typeof value === "function") continue;
    const rule = name === "value" ? listed : undefined;
    put(kept, nameIn(kept, name, walk), named(walk, { name, value, rule }, { open, depth }));
  }
  return kept;
}

/** `{ "name": "Authorization", "value": "…" }` as headers, cookies and environments are listed. */
function listedRule(walk: Walk, object: Readonly<Record<string, unknown>>): string | undefined {
  if (!Object.hasOwn(object, "value")) return undefined;
  const name = object["name"] ?? object["key"];
  return typeof name === "string" ? walk.rules.key(name) : undefined;
}

type Member = { readonly name: string; readonly value: unknown; readonly rule?: string | undefined };

/** A member of something: by its name's rule or else by `rule`, by a path, or by what it holds. */
function named(walk: Walk, { name, value, rule }: Member, place: Place): Json {
  const found = walk.rules.key(name) ?? rule;
  if (found !== undefined && isSecretValue(value, found)) return replaced(walk, `key ${found}`);
  return member(walk, { name, value }, place);
}

function member(walk: Walk, { name, value }: Member, { open, depth }: Place): Json {
  const inner = below(open, name);
  if (inner.some((names) => names.length === 0)) return replaced(walk, "path");
  return visit(walk, value, { open: inner, depth: depth + 1 });
}

/** Names are text too, and two that hold secrets may become the same. */
function nameIn(kept: object, name: string, walk: Walk): string {
  const shown = bounded(walk, name, walk.rules.text);
  walk.changed ||= shown !== name;
  walk.room -= shown.length + 4;
  if (shown === name || !Object.hasOwn(kept, shown)) return shown;
  walk.copies += 1;
  return `${shown} (${walk.copies})`;
}

function put(object: { [name: string]: Json }, name: string, value: Json): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function visitText(walk: Walk, text: string, place: Place): string {
  const kept = bounded(
    walk,
    text,
    (seen) => (seen === text ? nested(walk, text, place) : undefined) ?? walk.rules.text(seen),
  );
  walk.changed ||= kept !== text;
  walk.room -= kept.length + 2;
  return kept;
}

/** Redacts what there is room for, and a margin: behind its start a secret may have been cut in half. */
function bounded(walk: Walk, text: string, redact: TextRedactor): string {
  if (text.length <= walk.room + MARGIN) return redact(text);
  walk.cut = true;
  const redacted = redact(text.slice(0, Math.max(0, walk.room) + MARGIN));
  return redacted.slice(0, Math.max(0, redacted.length - MARGIN));
}

const withoutSpace = (text: string): string => text.replaceAll(/\s+/g, "");

/** A string that holds JSON, as results of tools do: by the rules for JSON. Undefined when it is none. */
function nested(walk: Walk, text: string, { open, depth }: Place): string | undefined {
  if (!/^\s*["[{]/.test(text) || !/["\]}]\s*$/.test(text)) return undefined;
  const value = parsed(text);
  if (value === undefined) return undefined;
  const inner = newWalk(walk.rules, Number.POSITIVE_INFINITY);
  const redacted = visit(inner, value, { open, depth: depth + 1 });
  if (inner.changed) return JSON.stringify(redacted);
  if (walk.rules.text(text) === text) return text;
  // Of a name that stands twice only the last value was seen; what was not seen goes.
  const seen = JSON.stringify(value);
  return withoutSpace(seen) === withoutSpace(text) ? text : seen;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON after all: the caller treats it as text.
    return undefined;
  }
}

/** Nothing, yes and no are no secrets, nor is what is redacted already. */
export function isSecretValue(value: unknown, rule: string): boolean {
  if (value === null || value === "" || typeof value === "boolean") return false;
  return typeof value !== "string" || !(IS_MARKER.test(value) || isFolder(value, rule));
}

function replaced(walk: Walk, rule: string): string {
  const text = marker(rule);
  walk.changed = true;
  walk.room -= text.length + 2;
  return text;
}

function isFull(walk: Walk): boolean {
  walk.cut ||= walk.room < 0;
  return walk.cut;
}
