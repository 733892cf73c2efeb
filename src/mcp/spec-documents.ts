import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { requireSpec } from "../specs/parse.ts";
import type { TraceSpec } from "../specs/spec.ts";
import type { ToolContext } from "./tool.ts";

/** Longest specification that comes in an argument, characters. */
const LONGEST = 200_000;

export const SpecName = z.string().min(1).max(200).describe("Name of a stored specification.");
export const SpecVersion = z.int().min(1).optional().describe("The newest when absent.");

/** A specification as callers write it: YAML or JSON text, or the object itself. */
export const SpecText = z
  .union([z.string().min(1).max(LONGEST), z.record(z.string(), z.unknown())])
  .describe(
    "YAML text or an object. Keys: description, expected_spans [{operation_name, service_name, expected_duration_ms {min,max}, required_tags, optional_tags, children}], performance_constraints, error_conditions; docs/specs.md has the rest.",
  );
export type SpecText = z.infer<typeof SpecText>;

/** The text of a specification under a name; an object or a text that does not name itself takes it. */
export function specTextOf(name: string, given: SpecText): string {
  if (typeof given !== "string") return JSON.stringify({ ...given, name }, undefined, 2);
  if (/^name\s*:/m.test(given)) return given;
  if (!/^\s*\{/.test(given)) return `name: ${JSON.stringify(name)}\n${given}`;
  const { ok, value } = jsonOf(given);
  return ok && !Object.hasOwn(value, "name") ? given.replace("{", () => `{"name": ${JSON.stringify(name)}, `) : given;
}

/** What is no JSON is for the parser of specifications, which says where the fault is. */
function jsonOf(text: string): { readonly ok: boolean; readonly value: object } {
  try {
    return { ok: true, value: JSON.parse(text) as object };
  } catch {
    return { ok: false, value: {} };
  }
}

/**
 * The specification that a text holds.
 * @throws WhetstoneError `spec_invalid`; `usage` when it calls itself otherwise than it is to be stored
 */
export function specNamed(name: string, text: string): ReturnType<typeof requireSpec> {
  const parsed = requireSpec(text, name);
  const own = parsed.spec.file.name;
  if (own === name) return parsed;
  throw new WhetstoneError(
    "usage",
    `The specification names itself ${JSON.stringify(own)}, not ${JSON.stringify(name)}.`,
    {
      remedy: "Leave name out of the text, or store it under that name.",
    },
  );
}

/** A stored specification, ready to be checked. */
export type StoredSpec = {
  readonly spec: TraceSpec;
  readonly version: number;
  readonly text: string;
  readonly writtenNs: bigint;
};

/**
 * A stored specification.
 * @throws WhetstoneError `not_found`, `spec_invalid`
 */
export async function loadSpec(context: ToolContext, name: string, version?: number): Promise<StoredSpec> {
  const { documents } = await context.store("read");
  const stored = await documents.get("spec", name, version);
  if (stored === undefined) {
    const of = version === undefined ? "" : ` of version ${version}`;
    throw new WhetstoneError("not_found", `There is no specification ${JSON.stringify(name)}${of}.`, {
      remedy: "See list_trace_specs, or store one with define_trace_spec.",
    });
  }
  const { spec } = requireSpec(stored.body, `${name}@${stored.version}`);
  return { spec, version: stored.version, text: stored.body, writtenNs: stored.writtenNs };
}
