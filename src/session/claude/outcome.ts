import type { InitEvent, SessionLine } from "./events.ts";
import type { ClaudeEnd } from "./process.ts";

/** How a session ended. Only `success` may be used as an answer; `partial` ones were cut off by a limit of ours. */
export type SessionOutcome =
  | { readonly kind: "success"; readonly output: unknown }
  | { readonly kind: "structured_output_missing" }
  | { readonly kind: "max_turns" | "max_budget" | "timeout" | "no_progress" }
  | { readonly kind: "api_error"; readonly status: number | undefined; readonly detail: string }
  | { readonly kind: "setup_error"; readonly detail: string }
  | { readonly kind: "died"; readonly detail: string };

/** What `init` has to show before the session may go on. */
export type ExpectedSetUp = {
  readonly builtIn: readonly string[];
  readonly servers: readonly string[];
  readonly version: string;
};

/** Reasons that {@link watcher} gives begin with this when the set-up is not as ordered. */
const SET_UP = "set-up: ";
const KEY_REFUSED = "the API refused the key";

/** Looks at every line as it comes; returns why the session must end at once. */
export function watcher(expected: ExpectedSetUp): (line: SessionLine) => string | undefined {
  return (line) => {
    if (line.kind === "init") {
      const fault = setUpFault(line.event, expected);
      return fault === undefined ? undefined : SET_UP + fault;
    }
    // Left alone it would try again for minutes; a key does not become right.
    if (line.kind === "retry" && [401, 403].includes(line.event.error_status ?? 0)) return KEY_REFUSED;
    return undefined;
  };
}

/** What of the session's own account of its set-up differs from what was ordered. */
export function setUpFault(init: InitEvent, expected: ExpectedSetUp): string | undefined {
  const { builtIn, servers, version } = expected;
  if (init.claude_code_version !== version) return `it is release ${init.claude_code_version}, not ${version}`;
  if (init.permissionMode !== "dontAsk") return `its permission mode is ${init.permissionMode}`;
  const bad = init.mcp_servers.find(({ name, status }) => !servers.includes(name) || status !== "connected");
  if (bad !== undefined) return `MCP server ${bad.name} is ${bad.status}`;
  const missing = servers.find((name) => init.mcp_servers.filter((one) => one.name === name).length !== 1);
  if (missing !== undefined) return `MCP server ${missing} is missing`;
  const allowed = new Set([...builtIn, "StructuredOutput"]);
  const own = (tool: string): boolean => servers.some((server) => tool.startsWith(`mcp__${server}__`));
  const extra = init.tools.filter((tool) => !allowed.has(tool) && !own(tool));
  return extra.length === 0 ? undefined : `it has tools that were not ordered: ${extra.join(", ")}`;
}

/**
 * Judges how a session ended. Success takes all of: exit code 0, no stop of ours, a last result without error, the
 * set-up seen and right, and a structured answer.
 */
export function judgeEnd(end: ClaudeEnd, expected: ExpectedSetUp): SessionOutcome {
  const { stopped, result, init } = end;
  if (stopped === "timeout" || stopped === "no_progress") return { kind: stopped };
  if (stopped === KEY_REFUSED) return { kind: "api_error", status: 401, detail: stopped };
  if (stopped !== undefined) return { kind: "setup_error", detail: stopped };
  if (result === undefined) return withoutResult(end);
  if (result.subtype === "error_max_turns") return { kind: "max_turns" };
  if (result.subtype === "error_max_budget_usd") return { kind: "max_budget" };
  if (result.subtype === "error_max_structured_output_retries") return { kind: "structured_output_missing" };
  if (typeof result.startup_failure_reason === "string") {
    return { kind: "setup_error", detail: result.startup_failure_reason };
  }
  const said = result.result ?? result.errors?.join("; ") ?? result.subtype;
  if (result.is_error && result.subtype === "success") {
    return { kind: "api_error", status: result.api_error_status ?? undefined, detail: said };
  }
  if (result.is_error || result.subtype !== "success") return { kind: "died", detail: said };
  if (end.code !== 0) return { kind: "died", detail: `it ended with code ${end.code}` };
  const fault = init === undefined ? "it never told its set-up" : setUpFault(init, expected);
  if (fault !== undefined) return { kind: "setup_error", detail: fault };
  if (result.structured_output === undefined) return { kind: "structured_output_missing" };
  return { kind: "success", output: result.structured_output };
}

function withoutResult({ init, code, text }: ClaudeEnd): SessionOutcome {
  const said = text.trim() === "" ? `it ended with code ${code} and said nothing` : text.trim();
  return { kind: init === undefined ? "setup_error" : "died", detail: said };
}
