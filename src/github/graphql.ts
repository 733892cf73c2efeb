import { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { apiFailure, type GitHubClient } from "./rest-api.ts";

/** A client that reaches GitHub's GraphQL API too. */
export type GitHubGraph = GitHubClient & {
  readonly graphql: (query: string, variables: Record<string, unknown>) => Promise<unknown>;
};

/** One query or mutation, and the part of its answer that is used. */
export type GraphCall<Schema extends z.ZodType> = {
  /** Its name, for errors. */
  readonly name: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly answer: Schema;
};

/** What became of a mutation: its answer; or the branch was not where it should be; or there is no such API here. */
export type GraphResult<T> =
  { readonly kind: "done"; readonly value: T } | { readonly kind: "stale" } | { readonly kind: "missing" };

/** An answered GraphQL error: a list with type and message each. */
const Refusal = z.object({ errors: z.array(z.object({ type: z.string().optional(), message: z.string() })).min(1) });

/** GitHub's words for a reference that is not where it was expected; the type is not stated for every mutation. */
const STALE = /Expected branch to point to|is at [0-9a-f]{40} but expected|already exists|does not point to|stale/i;
/** The server does not know the mutation: an older GitHub Enterprise Server. */
const UNKNOWN_FIELD = /(?:doesn't exist on type|isn't a defined input type)/;

/**
 * Sends one GraphQL mutation that moves a reference by compare-and-swap.
 * @throws WhetstoneError `api_failed`: refused for another reason, failed, cut off, or of another form.
 */
export async function callGraphQL<Schema extends z.ZodType>(
  client: GitHubGraph,
  { name, query, variables, answer }: GraphCall<Schema>,
): Promise<GraphResult<z.output<Schema>>> {
  const route = `POST /graphql (${name})`;
  let data: unknown;
  try {
    data = await client.graphql(query, variables);
  } catch (error) {
    const refusal = Refusal.safeParse(error);
    if (refusal.success) return refused(route, refusal.data.errors, error);
    if (Reflect.get(Object(error), "status") === 404) return { kind: "missing" };
    throw apiFailure(route, error);
  }
  const parsed = answer.safeParse(data);
  if (parsed.success) return { kind: "done", value: parsed.data };
  throw new WhetstoneError("api_failed", `${route}: the answer is cut off or of another form than documented.`, {
    remedy: "Run it again; when it stays, the server is of a version that is not supported.",
    cause: parsed.error,
    data: { route },
  });
}

function refused(
  route: string,
  errors: z.output<typeof Refusal>["errors"],
  cause: unknown,
): { readonly kind: "stale" | "missing" } {
  if (errors.some(({ type, message }) => type === "STALE_DATA" || STALE.test(message))) return { kind: "stale" };
  if (errors.some(({ message }) => UNKNOWN_FIELD.test(message))) return { kind: "missing" };
  const said = errors.map(({ type, message }) => (type === undefined ? message : `${type}: ${message}`)).join("; ");
  throw new WhetstoneError("api_failed", `${route}: GitHub refused it (${said}).`, {
    remedy: "See what GitHub says; a FORBIDDEN means that the token lacks contents: write.",
    cause,
    data: { route, status: 200, said: messageOf(cause) },
  });
}
