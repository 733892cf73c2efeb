import type { DeploymentSettings } from "../../config/deployment.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { runCommand } from "../../validate/run-command.ts";
import { hasEndedBadly, type GitHubAct, type GitHubHooks } from "./github.ts";
import type { CheckOutcome, Deployment, HookCall } from "./port.ts";

/** Where the commands of a deployment run. */
export type DeploymentPlace = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** For the proxy's admin endpoint. */
  readonly fetch: typeof globalThis.fetch;
  /** Runs the hooks that have no command; undefined without `deployment.github`. */
  readonly github?: GitHubHooks | undefined;
};

/** Lines of a command's output that are kept in the record. */
const KEPT_LINES = 3;

/** A deployment by the proxy's split, the user's own commands, and GitHub for hooks without one. */
export function configuredDeployment(settings: DeploymentSettings, place: DeploymentPlace): Deployment {
  const run = (command: string, call: HookCall, more: Readonly<Record<string, string>> = {}) =>
    runHook({ command, call, more, hookMs: settings.hookMinutes * 60_000 }, place);
  const { github } = place;
  const hook = async (act: GitHubAct, call: HookCall): Promise<string> => {
    const command = act.action === "expose" ? settings.expose : settings[act.action];
    if (command === undefined) return (await github?.(act, call)) ?? "";
    const more = act.percent === undefined ? {} : { WHETSTONE_PERCENT: String(act.percent) };
    return succeed(command, await run(command, call, more));
  };
  const { adminUrl } = settings;
  return {
    stage: (call) => hook({ action: "stage" }, call),
    check: async (call) => {
      if (settings.check === undefined) return github === undefined ? PASSED : await checkOnGitHub(github, call);
      const { exitCode, tail } = await run(settings.check, call);
      // Ended by a signal or a limit: that says nothing about the candidate.
      if (exitCode === null) throw failed(settings.check, tail);
      return exitCode === 0
        ? { ok: true, detail: "" }
        : { ok: false, reasons: ["check_failed"], detail: lastLines(tail) };
    },
    expose: async (percent, call) => {
      if (adminUrl !== undefined) return await setWeight(adminUrl, percent, { call, fetch: place.fetch });
      return hook({ action: "expose", percent }, call);
    },
    promote: (call) => hook({ action: "promote" }, call),
    rollback: (call) => hook({ action: "rollback" }, call),
  };
}

const PASSED: CheckOutcome = { ok: true, detail: "" };

/** A deployment that failed refuses the candidate; a GitHub that cannot be reached says nothing about it. */
async function checkOnGitHub(github: GitHubHooks, call: HookCall): Promise<CheckOutcome> {
  try {
    return { ok: true, detail: await github({ action: "check" }, call) };
  } catch (error) {
    if (!hasEndedBadly(error)) throw error;
    return { ok: false, reasons: ["check_failed"], detail: messageOf(error) };
  }
}

type HookRun = {
  readonly command: string;
  readonly call: HookCall;
  readonly more: Readonly<Record<string, string>>;
  readonly hookMs: number;
};

type Ended = { readonly exitCode: number | null; readonly tail: string };

function runHook({ command, call, more, hookMs }: HookRun, { cwd, env }: DeploymentPlace): Promise<Ended> {
  const { id, target, candidate } = call.rollout;
  const facts = { WHETSTONE_ROLLOUT: id, WHETSTONE_TARGET: target, WHETSTONE_CANDIDATE: candidate };
  return runCommand({ run: command, cwd, env: { ...env, ...facts, ...more }, timeoutMs: hookMs, signal: call.signal });
}

function succeed(command: string, { exitCode, tail }: Ended): string {
  if (exitCode !== 0) throw failed(command, `exit ${exitCode ?? "by a limit or a signal"}: ${lastLines(tail)}`);
  return lastLines(tail);
}

function failed(command: string, why: string): WhetstoneError {
  return new WhetstoneError("prepare_failed", `The command ${command} failed: ${lastLines(why)}`);
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-KEPT_LINES).join("\n");
}

type Asking = { readonly call: HookCall; readonly fetch: DeploymentPlace["fetch"] };

/** Sets the share of new sessions at a proxy's admin endpoint. */
async function setWeight(adminUrl: string, percent: number, { call, fetch }: Asking): Promise<string> {
  const response = await fetch(new URL("/weight", adminUrl), {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ weight: percent }),
    signal: call.signal,
  });
  const text = await response.text();
  if (!response.ok) {
    throw new WhetstoneError("api_failed", `The proxy at ${adminUrl} answered ${response.status}: ${text.trim()}`, {
      remedy: "Start the proxy with a canary and --admin-port, and name its address in deployment.adminUrl.",
    });
  }
  return `${percent} % of new sessions`;
}
