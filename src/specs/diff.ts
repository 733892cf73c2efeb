import { canonicalJson, type Json } from "../model/json.ts";
import type { TraceSpecFile } from "./schema.ts";

/** One difference between two versions of a specification; null: not there. */
export type SpecChange = { readonly path: string; readonly before: Json; readonly after: Json };

/**
 * What differs between two specifications, by path in order of the paths. Entries of lists are paired by what they are
 * about (id, operation and service, name, selector), so that an inserted one does not shift the rest; entries about the
 * same are paired in their order.
 */
export function diffSpecs(before: TraceSpecFile, after: TraceSpecFile): SpecChange[] {
  const [old, fresh] = [leaves(before), leaves(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return paths.flatMap((path) => {
    const change = { path, before: old.get(path) ?? null, after: fresh.get(path) ?? null };
    return canonicalJson(change.before) === canonicalJson(change.after) ? [] : [change];
  });
}

function leaves(file: TraceSpecFile): Map<string, Json> {
  const found = new Map<string, Json>();
  const walk = (value: unknown, path: string): void => {
    if (value === undefined) return;
    if (Array.isArray(value) && value.some((item) => typeof item === "object")) {
      const seen = new Map<string, number>();
      for (const [i, item] of value.entries()) {
        const about = subjectOf(item) ?? String(i);
        const again = (seen.get(about) ?? 0) + 1;
        seen.set(about, again);
        walk(item, `${path}[${about}${again === 1 ? "" : `#${again}`}]`);
      }
      return;
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, member] of Object.entries(value)) walk(member, path === "" ? key : `${path}.${key}`);
      return;
    }
    found.set(path, value as Json);
  };
  walk(file, "");
  return found;
}

/** What an entry of a list is about. */
function subjectOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const text = (key: string): string | undefined => {
    const value: unknown = Reflect.get(item, key);
    return value === undefined ? undefined : typeof value === "string" ? value : canonicalJson(value);
  };
  const operation = text("operation_name");
  const service = text("service_name");
  const spoken = operation === undefined || service === undefined ? operation : `${operation} of ${service}`;
  return text("id") ?? spoken ?? text("name") ?? text("select") ?? text("attribute");
}
