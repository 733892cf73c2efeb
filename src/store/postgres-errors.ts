import type { ErrorCode } from "../model/codes.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";

/** SQLSTATE classes and Node error codes that people can do something about. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^28/, "Check the user and the password of the URL."],
  [/^3D/, "Create the database, or name another one."],
  [/^42501/, "Give the user the right to create and write the schema whetstone."],
  [/^53/, "Free resources of the server: disk, memory or connections."],
  [/^(ECONN|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|08|57P)/, "Check that the server runs and that host and port are right."],
];

/** SQLSTATE, or Node's code of a network error. */
export function errorCodeOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
}

/** A {@link WhetstoneError} for anything that the driver threw; errors that are one already pass. */
export function postgresError(thrown: unknown, attempt: { code: ErrorCode; what: string }): WhetstoneError {
  if (thrown instanceof WhetstoneError) return thrown;
  const code = errorCodeOf(thrown);
  const remedy = REMEDIES.find(([pattern]) => pattern.test(code))?.[1];
  return new WhetstoneError(attempt.code, `${attempt.what}: ${messageOf(thrown) || code}.`, {
    ...(remedy === undefined ? {} : { remedy }),
    cause: thrown,
    data: { sqlState: code },
  });
}

/** The URL for messages: host, port and database, never user, password or options. */
export function withoutSecrets(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "postgres://…" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
