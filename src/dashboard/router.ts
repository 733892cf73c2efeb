import type { Route } from "./route.ts";

/** What a method and a path lead to. */
export type Found =
  | { readonly kind: "route"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is known, with other methods. */
  | { readonly kind: "methods"; readonly allowed: readonly string[] }
  | { readonly kind: "none" };

/**
 * The route for a path below the base. Segments are compared one by one after percent-decoding, so that no encoded slash
 * or dot leads elsewhere.
 */
export function findRoute(routes: readonly Route[], method: string, path: string): Found {
  const segments = decodeSegments(path);
  if (segments === undefined) return { kind: "none" };
  const fitting = routes.flatMap((route) => {
    const params = paramsOf(route.path, segments);
    return params === undefined ? [] : [{ route, params }];
  });
  if (fitting.length === 0) return { kind: "none" };
  const found = fitting.find(({ route }) => route.method === (method === "HEAD" ? "GET" : method));
  if (found) return { kind: "route", ...found };
  const methods = fitting.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
  return { kind: "methods", allowed: [...methods, "OPTIONS"] };
}

function decodeSegments(path: string): readonly string[] | undefined {
  try {
    return path.split("/").map(decodeURIComponent);
  } catch {
    return undefined; // not percent-encoding: no such path
  }
}

function paramsOf(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const parts = pattern.split("/");
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const segment = segments[at] ?? "";
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined ? part !== segment : segment === "") return undefined;
    if (name !== undefined) params[name] = segment;
  }
  return params;
}
