import type { PressStop } from "../../app/stop/press.ts";
import type { Authenticator } from "../../protect/authenticate.ts";
import { OpenApiJson, openApiDocument } from "../openapi.ts";
import { json, route, type Route } from "../route.ts";
import { type MetricParts, metricRoutes } from "./metrics.ts";
import { operationRoutes } from "./operations.ts";
import { sessionRoute } from "./session.ts";
import { stopRoute } from "./stop.ts";
import { type StreamParts, streamRoute } from "./stream.ts";
import { type ReadParts, traceRoutes } from "./traces.ts";

/** What the routes work with; without an authenticator nobody needs a session. */
export type RouteParts = ReadParts &
  MetricParts &
  StreamParts & {
    readonly authenticator?: Authenticator;
    /** Where the GitHub App is served, to holders of keys. */
    readonly stop?: PressStop | undefined;
    /** Of the program. */
    readonly version: string;
  };

/** Every route, the document of all of them included. */
export function allRoutes(parts: RouteParts): readonly Route[] {
  const described: Route = route({
    method: "GET",
    path: "/openapi.json",
    id: "describe",
    summary: "This document.",
    access: "public",
    answer: { name: "OpenApi", schema: OpenApiJson },
    handle: async () => json(document()),
  });
  const routes = [
    ...traceRoutes(parts),
    ...operationRoutes(parts),
    ...metricRoutes(parts),
    streamRoute(parts),
    sessionRoute(parts.authenticator),
    ...(parts.stop === undefined ? [] : [stopRoute(parts.stop)]),
    described,
  ];
  let made: object | undefined;
  const document = (): object => (made ??= openApiDocument(routes, parts.version));
  return routes;
}
