import type { Answer, Incoming } from "./github.ts";

/** What these routes keep. */
export type RouteState = {
  readonly variables: Map<string, string>;
  /** When a variable was set, RFC 3339; {@link SET_AT} where nothing is said. */
  readonly variableTimes: Map<string, string>;
  readonly artifacts: Map<number, { meta: Record<string, unknown>; bytes: Uint8Array }>;
  readonly runs: Map<number, Record<string, unknown>>;
  readonly environments: Map<string, unknown>;
  readonly deployments: Record<string, unknown>[];
};

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const missing: Answer = { status: 404, body: { message: "Not Found" } };

const SET_AT = "2026-11-20T09:00:00Z";
const setAt = ({ variableTimes }: RouteState, name: string) => {
  const at = variableTimes.get(name) ?? SET_AT;
  return { created_at: at, updated_at: at };
};

/** Routes that the emulator lacks; undefined for the others. */
export function answerExtra(
  state: RouteState,
  { method, path, query, body }: Incoming,
  repository: string,
): Answer | undefined {
  const [, kind = "", rest = ""] =
    new RegExp(
      `^${repository}/(deployments|environments|actions/variables|actions/artifacts|actions/runs)/?(.*)$`,
    ).exec(path) ?? [];
  const [id = "", verb = ""] = rest.split("/");
  switch (`${method} ${kind}${verb === "" ? "" : ` ${verb}`}`) {
    case "GET actions/variables": {
      const value = state.variables.get(id);
      return value === undefined ? missing : ok({ name: id, value, ...setAt(state, id) });
    }
    case "GET actions/artifacts": {
      const found = state.artifacts.get(Number(id));
      return found === undefined ? missing : ok(found.meta);
    }
    case "GET actions/artifacts zip": {
      const found = state.artifacts.get(Number(id));
      return found === undefined ? missing : ok(found.bytes);
    }
    case "GET actions/runs": {
      const found = state.runs.get(Number(id));
      return found === undefined ? missing : ok(found);
    }
    case "GET actions/runs artifacts": {
      const all = [...state.artifacts.values()].map(({ meta }) => meta);
      const artifacts = all.filter((meta) => Reflect.get(Object(meta["workflow_run"]), "id") === Number(id));
      return ok({ total_count: artifacts.length, artifacts });
    }
    case "GET environments": {
      const environments = [...state.environments].map(([name]) => ({ name }));
      return ok({ total_count: environments.length, environments });
    }
    case "PUT environments":
      state.environments.set(id, body);
      return ok({ name: id });
    case "GET deployments": {
      const wanted = ["sha", "environment", "task"].filter((key) => query.has(key));
      return ok(state.deployments.filter((one) => wanted.every((key) => one[key] === query.get(key))));
    }
    case "POST deployments": {
      const made = {
        ...Object(body),
        sha: Reflect.get(Object(body), "ref"),
        id: state.deployments.length + 1,
        statuses: [],
      };
      state.deployments.push(made);
      return ok(made, 201);
    }
    case "GET deployments statuses":
      return ok(state.deployments[Number(id) - 1]?.["statuses"]);
    case "POST deployments statuses": {
      const statuses = state.deployments[Number(id) - 1]?.["statuses"] as unknown[];
      const made = { ...Object(body), id: statuses.length + 1 };
      statuses.unshift(made);
      return ok(made, 201);
    }
    default:
      return undefined;
  }
}
