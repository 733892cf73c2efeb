import type { DeploymentSettings } from "../../config/deployment.ts";
import { WhetstoneError } from "../../model/error.ts";
import { runCommand } from "../../validate/run-command.ts";
import type { Deployment, HookCall } from "./port.ts";

/** Where the commands of a deployment run. */
export type DeploymentPlace = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** For the proxy's admin endpoint. */
  readonly fetch: typeof globalThis.fetch;
};

/** Lines of a command's output that are kept in the record. */
const KEPT_LINES = 3;

/** A deployment by the proxy's split and the user's own commands. */
export function configuredDeployment(settings: DeploymentSettings, place: DeploymentPlace): Deployment {
  const run = (command: string, call: HookCall, more: Readonly<Record<string, string>> = {}) =>
    runHook({ command, call, more, hookMs: settings.hookMinutes * 60_000 }, place);
  const optional = async (command: string | undefined, call: HookCall): Promise<string> =>
    command === undefined ? "" : succeed(command, await run(command, call));
  const { adminUrl, expose } = settings;
  return {
    stage: (call) => optional(settings.stage, call),
    check: async (call) => {
      if (settings.check === undefined) return { ok: true, detail: "" };
      const { exitCode, tail } = await run(settings.check, call);
      // Ended by a signal or a limit: that says nothing about the candidate.
      if (exitCode === null) throw failed(settings.check, tail);
      return exitCode === 0
        ? { ok: true, detail: "" }
        : { ok: false, reasons: ["check_failed"], detail: lastLines(tail) };
    },
    expose: async (percent, call) => {
      if (adminUrl !== undefined) return await setWeight(adminUrl, percent, { call, fetch: place.fetch });
      if (expose === undefined) return "";
      return succeed(expose, await run(expose, call, { WHETSTONE_PERCENT: String(percent) }));
    },
    promote: (call) => optional(settings.promote, call),
    rollback: (call) => optional(settings.rollback, call),
  };
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
