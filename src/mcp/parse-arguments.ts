import { createHash } from "node:crypto";
import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";
import { foreignCursor } from "./arguments.ts";

/**
 * The arguments of a call as a tool's schema reads them.
 * @throws WhetstoneError `usage`: names what is wrong and, for an unknown argument, the nearest known one
 */
export function parseArguments<Input extends z.ZodObject>(input: Input, args: unknown): z.output<Input> {
  // Schemas pass over this key in silence, and a filter that is passed over would match everything.
  if (hasPrototypeKey(args)) throw refused("An argument has a member named __proto__.", "Leave it out.");
  if (isTooDeep(args)) throw refused(`An argument is nested deeper than ${DEEPEST} levels.`, "Send a flatter one.");
  const parsed = input.safeParse(args);
  if (parsed.success) return parsed.data;
  const known = Object.keys(input.shape);
  const unknown = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : [],
  );
  const meant = unknown.flatMap((key) => {
    const name = nearest(key.slice(0, 100), known);
    return name === undefined ? [] : [`Did you mean ${name}?`];
  });
  const takes =
    unknown.length === 0 ? "Mend the arguments; see the tool's input schema." : `It takes ${known.join(", ")}.`;
  throw refused(z.prettifyError(parsed.error), [...new Set(meant), takes].join(" "));
}

const refused = (message: string, remedy: string): WhetstoneError => new WhetstoneError("usage", message, { remedy });

function hasPrototypeKey(value: unknown): boolean {
  const open = [value];
  for (let next = open.pop(); open.length > 0 || next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    if (Object.hasOwn(next, "__proto__")) return true;
    for (const member of Object.values(next)) if (typeof member === "object" && member !== null) open.push(member);
  }
  return false;
}

/** No specification is as deep; far deeper ones would exhaust the stack. */
const DEEPEST = 200;

function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= DEEPEST; depth += 1) {
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null ? (Object.values(each) as unknown[]) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

/** Arguments that another page of the same list may have otherwise. */
const PAGE_ARGUMENTS: ReadonlySet<string> = new Set(["cursor", "max_tokens", "limit"]);

/**
 * What clients are told of a schema, while arguments reach {@link parseArguments} as they came: the protocol library's
 * own refusal has neither code nor remedy, and passes over `__proto__`.
 */
export function toldOnly<Input extends z.ZodObject>(input: Input): StandardSchemaWithJSON {
  const { version, vendor, jsonSchema } = input["~standard"];
  return { "~standard": { version, vendor, jsonSchema, validate: (value) => ({ value }) } };
}

/**
 * Binds cursors to the tool and the arguments that they were made for: elsewhere, or altered, they would skip what nobody
 * has seen.
 */
export function cursorsOf(tool: string, args: Readonly<Record<string, unknown>>) {
  const asked = Object.entries(args).filter(([name]) => !PAGE_ARGUMENTS.has(name));
  const list = JSON.stringify([tool, asked.sort(([a], [b]) => (a < b ? -1 : 1))]);
  const bind = (cursor: string): string =>
    `${cursor}.${createHash("sha256").update(`${cursor} ${list}`).digest("hex").slice(0, 7)}`;
  return {
    bind,
    /** @throws WhetstoneError `usage` for a cursor of another tool or of other arguments */
    unbind: (cursor: string): string => {
      const own = cursor.slice(0, Math.max(0, cursor.lastIndexOf(".")));
      if (bind(own) === cursor) return own;
      throw foreignCursor();
    },
  };
}
