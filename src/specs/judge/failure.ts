import type { Json } from "../../model/json.ts";
import { ATTR, type Span } from "../../model/span.ts";

/** Attributes that hold the code of an error, in the order in which they are looked at. */
const CODES = [ATTR.responseStatus, "http.response.status_code", "http.status_code", "db.response.status_code"];

/** How a span failed, from what OpenTelemetry records of it. */
export type Failure = {
  readonly type: Json | undefined;
  readonly code: Json | undefined;
  readonly message: Json | undefined;
};

/** How a span failed; undefined when its status is not `error`. */
export function failureOf(span: Span): Failure | undefined {
  if (span.status !== "error") return undefined;
  const exception = span.events.find(({ name }) => name === "exception")?.attributes ?? {};
  const code = CODES.find((name) => Object.hasOwn(span.attributes, name));
  return {
    type: span.attributes[ATTR.errorType] ?? exception["exception.type"],
    code: code === undefined ? undefined : span.attributes[code],
    message: span.statusMessage ?? exception["exception.message"],
  };
}

/** A failure for people: its type, or what else is known. */
export function failureText({ type, code, message }: Failure): string {
  const known = [type, code, message].find((part) => part !== undefined);
  return known === undefined ? "error" : String(typeof known === "object" ? JSON.stringify(known) : known);
}
