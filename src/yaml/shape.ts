import type { z } from "zod";
import { nearest } from "../model/nearest.ts";
import type { YamlFault, YamlPath, YamlText } from "./document.ts";

/**
 * Checks a document against a schema of strict objects. Every fault has its place; an unknown key names the nearest
 * known one, or all that are known there.
 */
export function checkShape<T>(
  text: YamlText,
  schema: z.ZodType<T>,
): { readonly value: T } | { readonly faults: readonly YamlFault[] } {
  const parsed = schema.safeParse(text.value ?? {});
  if (parsed.success) return { value: parsed.data };
  const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, [], { text, schema }));
  return { faults };
}

type Context = { readonly text: YamlText; readonly schema: z.ZodType };

function describeIssue(issue: z.core.$ZodIssue, above: YamlPath, context: Context): YamlFault[] {
  const path = [...above, ...issue.path.filter((part) => typeof part !== "symbol")];
  if (issue.code === "unrecognized_keys") return unknownKeys(issue.keys, path, context);
  if (issue.code === "invalid_union") {
    const branch = intendedBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => describeIssue(inner, path, context));
  }
  const { text } = context;
  const message = valueAt(text.value, path) === undefined ? "is required but missing" : issue.message;
  return [{ ...text.at(path), path, message: `${path.join(".") || "the file"}: ${message}` }];
}

/** The one form of several that a value has the type of, so that its own faults say more than "invalid input". */
function intendedBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && !path.length),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

function unknownKeys(keys: readonly string[], path: YamlPath, { text, schema }: Context): YamlFault[] {
  const known = knownKeys(schema, path);
  return keys.map((key) => {
    const near = nearest(key, known);
    const hint = near === undefined ? `Known keys: ${known.join(", ")}.` : `Did you mean "${near}"?`;
    const where = path.length === 0 ? "at the top level" : `in ${path.join(".")}`;
    return {
      ...text.at([...path, key]),
      path: [...path, key],
      message: `unknown key "${key}" ${where}. ${hint}`,
    };
  });
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let at: unknown = value;
  for (const part of path) at = typeof at === "object" && at !== null ? Reflect.get(at, part) : undefined;
  return at;
}

/** Keys that a schema knows at a path; used only to word an error. */
function knownKeys(schema: z.ZodType, path: YamlPath): string[] {
  let at: readonly unknown[] = [schema];
  for (const part of path) {
    at = at.flatMap(bare).map((definition) => {
      if (definition.shape !== undefined) return definition.shape[String(part)];
      return definition.valueType ?? definition.element;
    });
  }
  return [...new Set(at.flatMap(bare).flatMap((definition) => Object.keys(definition.shape ?? {})))];
}

type Definition = {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly innerType?: unknown;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly options?: readonly unknown[];
};

/** What a schema is made of, without optional and default around it; a union is all of its forms. */
function bare(schema: unknown): readonly Definition[] {
  if (typeof schema !== "object" || schema === null || !("def" in schema)) return [];
  const definition = schema.def as Definition;
  if (definition.innerType !== undefined) return bare(definition.innerType);
  return definition.options === undefined ? [definition] : definition.options.flatMap(bare);
}
