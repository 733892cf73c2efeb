import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import type { Permission } from "../model/role.ts";
import type { Principal } from "../protect/api-key.ts";
import type { Problem } from "./problem.ts";
import { parseParameters, parseQuery } from "./query.ts";

/** A request whose sender is known and whose quota is not used up. */
export type ApiRequest = {
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal;
  /** The sender has shown a key, not a session token. */
  readonly hasShownKey: boolean;
  /** Whether the sender would still be let in: a key may be revoked and a token expire while a stream is open. */
  readonly isStillAdmitted: () => Promise<boolean>;
  /** Aborts when the sender has gone or the server stops. */
  readonly signal: AbortSignal;
};

/** What goes back. A stream is sent piece by piece, the next one only when the one before has left. */
export type Reply =
  | { readonly kind: "problem"; readonly problem: Problem }
  | { readonly kind: "json"; readonly body: unknown }
  | { readonly kind: "stream"; readonly type: string; readonly pieces: AsyncIterable<string> };

/** One resource with one method. The OpenAPI document is made of these. */
export type Route = {
  readonly method: "GET" | "POST";
  /** Below `/api/v1`, with parameters in braces: `/traces/{id}`. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** `public`: without credential; `session`: with an API key. */
  readonly access: Permission | "public" | "session";
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** Name of the answer in the document, and its form; of a stream, that of one event. */
  readonly answer: { readonly name: string; readonly schema: z.ZodType; readonly isStream?: boolean };
  readonly respond: (request: ApiRequest) => Promise<Reply>;
};

type RouteOf<Params extends z.ZodObject, Query extends z.ZodObject> = Omit<Route, "respond" | "params" | "query"> & {
  readonly params?: Params;
  readonly query?: Query;
  readonly handle: (call: {
    readonly params: z.output<Params>;
    readonly query: z.output<Query>;
    readonly request: ApiRequest;
  }) => Promise<Reply>;
};

const NONE = z.strictObject({});

/** A route whose parameters are checked before it is asked. Errors of `handle` are answered as problems. */
export function route<Params extends z.ZodObject = typeof NONE, Query extends z.ZodObject = typeof NONE>({
  handle,
  ...rest
}: RouteOf<Params, Query>): Route {
  const params = rest.params ?? (NONE as unknown as Params);
  const query = rest.query ?? (NONE as unknown as Query);
  return {
    ...rest,
    params,
    query,
    respond: async (request) =>
      handle({
        params: parseParameters(params, request.params),
        query: parseQuery(query, request.search),
        request,
      }),
  };
}

/** A {@link Reply} of one JSON document. */
export const json = (body: unknown): Reply => ({ kind: "json", body });
