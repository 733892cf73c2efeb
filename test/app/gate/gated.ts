import type { AppEvent, HandlerContext } from "../../../src/app/handler.ts";
import { gate } from "../../../src/app/gate/handler.ts";
import { GateRecord } from "../../../src/app/gate/record.ts";
import type { Arm } from "../../../src/model/call.ts";
import { ATTR } from "../../../src/model/span.ts";
import { recordRun } from "../../../src/protect/outcomes.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { relayedCall } from "../../capture/relayed.ts";
import { type GitHubOptions, OWNER, REPO } from "../../support/github.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";
import { recordedRun } from "../recorded-run.ts";

export const WORKFLOW = "whetstone-canary.yml";
export const ENVIRONMENT = "production";
export const FINGERPRINT = "c".repeat(64);
export const BRANCH = `whetstone/proposal/notes/${FINGERPRINT.slice(0, 12)}`;
const MINUTE = 60_000;

const TARGET = "targets:\n  notes: { command: node a.js, source: [a.ts], workload: w.json }\n";
const workflow = `run-name: "Canary \${{ inputs.sha }} of pull request \${{ inputs.pull }}"\non: workflow_dispatch\n`;

/** Calls that the proxy measured. */
export type Traffic = {
  readonly arm: Arm;
  readonly calls: number;
  /** One in so many fails. */
  readonly failing?: number;
  /** `service.version`. */
  readonly version?: string;
  readonly durationMs?: number;
};

/** A repository with a proposal that people approved, its pull request, the canary workflow and a store of telemetry. */
export type Gated = Counterpart & {
  readonly pull: number;
  /** Head of the pull request. */
  readonly head: string;
  /** Puts calls of this minute into the store, evenly, and lets the minute pass. */
  readonly minute: (...traffic: readonly Traffic[]) => Promise<void>;
  /** A run of the canary workflow for the head waits at the environment; the delivery that tells of it. */
  readonly waitingRun: (change?: Readonly<Record<string, unknown>>, id?: number) => Pick<AppEvent, "name" | "payload">;
  /** Handles an event, and then the tasks that it left, each once. */
  readonly handle: (event: Pick<AppEvent, "name" | "payload"> & Partial<AppEvent>) => Promise<void>;
  /** Handles the tasks that were left, each once. */
  readonly tasksOnce: () => Promise<void>;
  readonly gates: () => Promise<readonly GateRecord[]>;
  readonly contextOf: (event: Pick<AppEvent, "name" | "payload"> & Partial<AppEvent>) => HandlerContext;
  /** Id of the run that waits. */
  readonly runId: number;
};

/** Starts it; `gate`: settings of `app.gate` as YAML in one line; `telemetry` false: a server that holds none. */
export async function startGated(
  options: GitHubOptions & { readonly gate?: string; readonly telemetry?: boolean } = {},
): Promise<Gated> {
  const app = `version: 1\n${TARGET}app: { gate: ${options.gate ?? "{}"} }\n`;
  const files = { "whetstone.yaml": app, "a.ts": "1\n", [`.github/workflows/${WORKFLOW}`]: workflow };
  const place = await startCounterpart({ ...options, files });
  const { github, repository, clock, tasks } = place;
  await recordRun(
    repository.state,
    recordedRun("1", {
      outcome: { fingerprint: FINGERPRINT, status: "proposed", reasons: ["ok"], at: "2023-11-01T10:00:00.000Z" },
    }),
    clock,
  );
  const { backend, base } = github;
  await backend.ask("POST", "git/refs", { ref: `refs/heads/${BRANCH}`, sha: base });
  const head = await backend.commit(BRANCH, { ...files, "a.ts": "2\n" });
  const { data } = await backend.ask("POST", "pulls", { title: "T", head: BRANCH, base: "main" });
  const pull = Number(Reflect.get(Object(data), "number"));
  await backend.people.as("ada")("POST", `pulls/${pull}/reviews`, { event: "APPROVE", body: "x" });
  const store = memoryStore();
  const telemetry = options.telemetry === false ? undefined : store;
  const contextOf: Gated["contextOf"] = (event) => place.context(event, telemetry);
  const tasksOnce = async (): Promise<void> => {
    for (const task of new Map(tasks.map((one) => [one.id, one])).values()) {
      // Others left theirs too.
      if (task.name !== "task.gate") continue;
      await gate.handle(contextOf({ id: task.id, name: task.name, payload: task.payload }));
    }
  };
  let number = 0;
  return {
    ...place,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    pull,
    head,
    runId: RUN,
    contextOf,
    tasksOnce,
    minute: async (...traffic) => {
      const start = clock.now();
      for (const { arm, calls, failing = Infinity, version, durationMs = 10 } of traffic) {
        const spans = Array.from({ length: calls }, (_, i) => {
          number += 1;
          const { attributes, resource } = relayedCall(number);
          return relayedCall(number, {
            service: "notes",
            startNs: start + BigInt(Math.floor(((i + 0.5) * MINUTE) / calls)) * 1_000_000n,
            durationNs: (durationMs + (i % 2)) * 1e6,
            status: (i + 1) % failing === 0 ? "error" : "ok",
            attributes: { ...attributes, [ATTR.mcpSession]: `${arm}-${number}` },
            resource: {
              ...resource,
              [ATTR.arm]: arm,
              ...(version === undefined ? {} : { [ATTR.serviceVersion]: version }),
            },
          });
        });
        await store.append(spans);
      }
      clock.advance(MINUTE);
    },
    waitingRun: (change = {}, id = RUN) => {
      backend.actions.setRun(id, {
        id,
        run_attempt: 1,
        path: `.github/workflows/${WORKFLOW}`,
        event: "workflow_dispatch",
        display_title: `Canary ${head} of pull request ${pull}`,
        head_sha: base,
        head_branch: "main",
        conclusion: null,
        ...change,
      });
      backend.actions.wait(id, ENVIRONMENT);
      return asked(github.baseUrl, callbackOf(github.baseUrl, id));
    },
    handle: async (event) => {
      await gate.handle(contextOf(event));
      await tasksOnce();
    },
    gates: async () => {
      const view = await repository.state.view();
      const paths = await view.list("gates/");
      return await Promise.all(paths.map(async (path) => GateRecord.parse(JSON.parse((await view.read(path)) ?? ""))));
    },
  };
}

const RUN = 4_711;

function callbackOf(baseUrl: string, id: number): string {
  return `${baseUrl}/repos/${OWNER}/${REPO}/actions/runs/${id}/deployment_protection_rule`;
}

/** The question of a gate; `address`: the callback address, the right one of this API by default. */
export function asked(baseUrl: string, address = callbackOf(baseUrl, RUN)): Pick<AppEvent, "name" | "payload"> {
  return {
    name: "deployment_protection_rule.requested",
    payload: { environment: ENVIRONMENT, event: "workflow_dispatch", deployment_callback_url: address },
  };
}
