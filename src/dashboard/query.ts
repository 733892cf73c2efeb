import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";
import { SpanStatus } from "../model/span.ts";
import { FILTER_TEXT_LIMIT } from "./limits.ts";

const Text = z.string().max(FILTER_TEXT_LIMIT);

/** Parameters that select spans, by the names of the command line's flags. */
export const FilterQuery = z.strictObject({
  service: Text.optional().describe("Service of the span."),
  operation: Text.optional().describe("Operation (span name)."),
  attr: z
    .array(Text)
    .max(20)
    .default([])
    .describe("Attribute of the span or its resource as `key=value`; may be repeated."),
  status: SpanStatus.optional().describe("Span status."),
  minDuration: Text.optional().describe("Such as `10ms`."),
  maxDuration: Text.optional().describe("Such as `2s`."),
  since: Text.optional().describe("RFC 3339, or relative such as `-15m`; inclusive."),
  until: Text.optional().describe("RFC 3339, or relative; exclusive."),
});

/** A window of time. */
export const WindowQuery = z.strictObject({
  since: Text.default("-1h").describe("RFC 3339, or relative such as `-15m`; inclusive."),
  until: Text.optional().describe("RFC 3339, or relative; exclusive. The present when left out."),
});

/** A page of a list of at most 1,000. */
export const pageQuery = (ordinary: number) =>
  z.strictObject({
    limit: z.coerce.number().int().min(1).max(1_000).default(ordinary).describe("Items per page."),
    cursor: Text.optional().describe("`nextCursor` of the page before."),
  });

/** What is taken for a number: JavaScript would take an empty text for 0, and read `0x10`, `1e2` and blanks. */
const DECIMAL = /^\d{1,15}(?:\.\d{1,15})?$/;

const noNumber = (name: string): WhetstoneError =>
  new WhetstoneError("usage", `The parameter ${name} is malformed: it is not a decimal number.`, {
    remedy: "The document at /api/v1/openapi.json says what it may be.",
    data: { parameter: name },
  });

/**
 * The parameters of a URL as a schema wants them.
 * @throws WhetstoneError `usage`: one is unknown (the nearest known one is named), repeated or malformed.
 */
export function parseQuery<Query extends z.ZodObject>(schema: Query, search: URLSearchParams): z.output<Query> {
  const known = Object.keys(schema.shape);
  const given: Record<string, string | string[]> = {};
  for (const name of new Set(search.keys())) {
    if (!known.includes(name)) throw unknownParameter(name, known);
    const values = search.getAll(name);
    const isList = schema.shape[name]?.safeParse([]).success === true;
    if (!isList && values.length > 1) {
      throw new WhetstoneError("usage", `The parameter ${name} is given ${values.length} times.`, {
        remedy: "Give it once.",
      });
    }
    const takesNumber = schema.shape[name]?.safeParse(1).success === true;
    if (takesNumber && !DECIMAL.test(values[0] ?? "")) throw noNumber(name);
    given[name] = isList ? values : (values[0] ?? "");
  }
  return parseParameters(schema, given);
}

/** Values as a schema wants them. @throws WhetstoneError `usage` naming the first that is malformed. */
export function parseParameters<Schema extends z.ZodObject>(schema: Schema, given: object): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? "?");
  throw new WhetstoneError("usage", `The parameter ${name} is malformed: ${issue?.message ?? "it does not fit"}.`, {
    remedy: "The document at /api/v1/openapi.json says what it may be.",
    data: { parameter: name },
  });
}

function unknownParameter(name: string, known: readonly string[]): WhetstoneError {
  const shown = name.slice(0, 50);
  const near = nearest(shown, known);
  const others = known.length === 0 ? "It takes none." : `It takes ${known.join(", ")}.`;
  return new WhetstoneError("usage", `There is no parameter "${shown}" here.`, {
    remedy: near === undefined ? others : `Did you mean ${near}?`,
  });
}
