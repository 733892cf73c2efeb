import type { Counts } from "./counts.ts";
import type { Scope } from "./scope.ts";

/** The sessions that upstreams have opened and that are not known to have ended. */
export type Sessions = {
  readonly get: (id: string) => Scope | undefined;
  /** Makes a scope that of a session; does nothing when the session has one. */
  readonly add: (id: string, scope: Scope) => void;
  /** Ends a session and what is open in it. */
  readonly end: (id: string) => void;
  readonly closeAll: () => void;
  readonly size: () => number;
};

/** Sessions that are kept; clients do not have to say when they are done. */
const LIMIT = 20_000;

/** Sessions by id; above `limit` the one that was not used for longest is forgotten and counted. */
export function sessions(counts: Counts, limit: number = LIMIT): Sessions {
  const open = new Map<string, Scope>();
  const end = (id: string): void => {
    const scope = open.get(id);
    open.delete(id);
    scope?.close();
  };
  return {
    get: (id) => {
      const scope = open.get(id);
      if (scope === undefined) return undefined;
      // A map keeps the order of insertion: the first is the one that was not used for longest.
      open.delete(id);
      open.set(id, scope);
      return scope;
    },
    add: (id, scope) => {
      if (open.has(id)) return;
      scope.session = id;
      open.set(id, scope);
      counts.sessions[scope.server.arm] += 1;
      const [oldest] = open.keys();
      if (open.size <= limit || oldest === undefined) return;
      counts.sessionsForgotten += 1;
      end(oldest);
    },
    end,
    closeAll: () => {
      for (const id of open.keys()) end(id);
    },
    size: () => open.size,
  };
}
