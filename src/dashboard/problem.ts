import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../model/codes.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";

/** Refusals of HTTP, beside the errors of `ERROR_CODES`: the status and what it says in general. */
const REFUSALS = {
  unauthenticated: { status: 401, title: "Nobody is known by this credential." },
  forbidden: { status: 403, title: "The role may not see or do this." },
  host_refused: { status: 403, title: "The request was made for another host." },
  no_such_route: { status: 404, title: "There is no such resource." },
  method_not_allowed: { status: 405, title: "The resource has no such method." },
  not_acceptable: { status: 406, title: "There is no answer in the wanted form." },
  body_refused: { status: 413, title: "Requests have no body." },
  uri_too_long: { status: 414, title: "The address is too long." },
  rate_limited: { status: 429, title: "Too many requests." },
  too_many_streams: { status: 429, title: "Too many streams are open." },
  internal: { status: 500, title: "A fault of the server." },
} as const satisfies Record<string, { status: number; title: string }>;

type RefusalCode = keyof typeof REFUSALS;

/** Statuses of errors; an error without one is a fault of the server. */
const STATUSES: Partial<Readonly<Record<ErrorCode, number>>> = {
  usage: 400,
  not_found: 404,
  conflict: 409,
  input_unreadable: 503,
  store_open_failed: 503,
  store_read_failed: 503,
  store_write_failed: 503,
  timeout: 503,
  api_failed: 502,
};

const CODES = [...Object.keys(REFUSALS), ...Object.keys(ERROR_CODES)] as [string, ...string[]];

/** An answer of `application/problem+json` (RFC 9457), with the members `code` and `remedy`. */
export const Problem = z.object({
  type: z.string().describe("urn:whetstone:problem:<code>"),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(CODES).describe("From a closed set; branch on it, never on the text."),
  remedy: z.string().optional().describe("What to do."),
});
export type Problem = z.infer<typeof Problem>;

/** The problem of a refusal. */
export function refusal(code: RefusalCode, detail: string, remedy: string): Problem {
  const { status, title } = REFUSALS[code];
  return { type: `urn:whetstone:problem:${code}`, title, status, detail, code, remedy };
}

/** The problem of anything that was thrown. What a bug says stays inside: it may hold what nobody was to see. */
export function problemOf(thrown: unknown): Problem {
  const status = thrown instanceof WhetstoneError ? STATUSES[thrown.code] : undefined;
  if (!(thrown instanceof WhetstoneError) || status === undefined) {
    return refusal("internal", "The request could not be answered.", "Look into the log of the server.");
  }
  const { code, remedy } = thrown;
  return {
    type: `urn:whetstone:problem:${code}`,
    title: ERROR_CODES[code].doc,
    status,
    detail: messageOf(thrown),
    code,
    ...(remedy !== undefined && { remedy }),
  };
}
