import type { Json } from "../model/json.ts";
import { selectorFault } from "./fault.ts";

/** One step into a JSON value: a key, an index (negative from the end), or every element. */
export type JsonStep = string | number | { readonly every: true };
export type JsonPath = readonly JsonStep[];

/**
 * Parses a JSON path of RFC 9535's simple selectors: `$`, `.name`, `['any name']`, `[0]`, `[-1]`, `.*`, `[*]`.
 * @throws WhetstoneError `spec_invalid` with the offset in `data.offset`
 */
export function parseJsonPath(text: string): JsonPath {
  const steps: JsonStep[] = [];
  const part = /\.([\p{L}_][\p{L}\p{N}_-]*)|(\.\*|\[\*\])|\[(-?\d{1,9})\]|\[(?:"([^"\\]*)"|'([^'\\]*)')\]/uy;
  let at = text.startsWith("$") ? 1 : 0;
  if (at === 0) throw selectorFault(text, 0, "a JSON path begins with $");
  while (at < text.length) {
    part.lastIndex = at;
    const found = part.exec(text);
    if (found === null) throw selectorFault(text, at, "not a step of a JSON path such as .name, ['name'], [0] or [*]");
    steps.push(found[2] === undefined ? stepOf(found) : { every: true });
    at = part.lastIndex;
  }
  return steps;
}

function stepOf([, name, , index, doubleQuoted, singleQuoted]: RegExpExecArray): JsonStep {
  if (index !== undefined) return Number(index);
  return name ?? doubleQuoted ?? singleQuoted ?? "";
}

/**
 * The values that a path leads to; none when it leads nowhere. A string at the top is read as JSON first, since
 * attributes hold arguments and results as text; one that is not JSON leads nowhere.
 */
export function valuesAt(root: Json, path: JsonPath): readonly Json[] {
  let values: readonly Json[] = [typeof root === "string" ? parsed(root) : root].filter((value) => value !== undefined);
  for (const step of path) values = values.flatMap((value) => stepInto(value, step));
  return values;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function stepInto(value: Json, step: JsonStep): readonly Json[] {
  if (typeof value !== "object" || value === null) return [];
  if (typeof step === "object") return Array.isArray(value) ? value : Object.values(value);
  if (Array.isArray(value)) {
    const item = typeof step === "number" ? value.at(step) : undefined;
    return item === undefined ? [] : [item];
  }
  const member = Object.hasOwn(value, step) ? value[step] : undefined;
  return member === undefined ? [] : [member];
}
