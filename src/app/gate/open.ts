import type { AppSettings } from "../../config/app.ts";
import type { WorkflowRun } from "../../github/runs-port.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { CommitSha } from "../../model/json.ts";
import type { Actor, LedgerEntry } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../../protect/digest.ts";
import { planLedger } from "../../protect/ledger.ts";
import { GateDelivery } from "../delivery.ts";
import type { HandlerContext, Task } from "../handler.ts";
import { appSettings, type RepositoryAccess } from "../repository.ts";
import { callbackRun, isCallbackOf } from "./callback.ts";
import { candidateOf } from "./candidate.ts";
import { type GateRecord, updateGate } from "./record.ts";

/** The account of the App, as the ledger names it. */
export function selfOf({ self }: Pick<RepositoryAccess, "self">): Actor {
  return { type: "bot", id: self.login };
}

/** What a ledger entry about a gate says. */
export function gateEntry(
  { owner, repo }: Pick<RepositoryAccess, "owner" | "repo">,
  gate: Pick<GateRecord, "id" | "sha" | "proposal">,
  act: Pick<LedgerEntry, "actor" | "decision" | "reasonCode" | "result">,
): LedgerEntry {
  const { id, sha, proposal } = gate;
  const target = proposal?.target ?? `${owner}/${repo}`;
  return { ...act, operation: "gate", target, parametersDigest: digestOf({ id, sha, proposal }), run: id };
}

/** The task that watches a gate; the same one however often it is asked for. */
export function gateTask({ owner, repo }: RepositoryAccess, id: string, notBefore: number): Task {
  const key = `${owner}/${repo}:gate:${id}`.toLowerCase();
  return { id: key, key, name: "task.gate", payload: { gate: id }, notBefore };
}

/**
 * Opens the gate that a delivery asks for; the one on record when it was asked before. Undefined when the question is
 * refused: its callback address is not the one of the run in this repository. That is put on record and never answered.
 * @throws WhetstoneError `api_failed`, `config_invalid`, `ledger_broken`, `ref_moved`
 */
export async function openAskedGate(context: HandlerContext): Promise<GateRecord | undefined> {
  const { repository, event } = context;
  const asked = GateDelivery.parse(event.payload);
  const address = asked.deployment_callback_url ?? "";
  const environment = asked.environment ?? asked.deployment?.environment;
  const id = callbackRun(address);
  const run = id === undefined ? undefined : await repository.host.runs.find(id);
  if (run === undefined || environment === undefined || !isCallbackOf(address, run.address)) {
    await refuse(context, { reason: "callback_forbidden", address });
    return undefined;
  }
  const { gate } = await appSettings(repository);
  const { sha, proposal } = await candidateOf(repository, run, gate);
  return await openGate(context, {
    id: gateId(run, environment),
    run: { id: run.id, attempt: run.attempt, environment, url: run.url },
    sha,
    proposal: proposal && { pull: proposal.pull.number, target: proposal.target, fingerprint: proposal.fingerprint },
    settings: gate,
  });
}

/** An attempt of a run waits once at each environment. */
function gateId({ id, attempt }: WorkflowRun, environment: string): string {
  // Not `encodeURIComponent` alone: it leaves signs that not every file system takes.
  const name = encodeURIComponent(environment).replaceAll(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `${id}-${attempt}-${name}`;
}

/** What a gate is opened with. */
export type NewGate = {
  readonly id: string;
  readonly run: GateRecord["run"];
  readonly sha: CommitSha;
  readonly proposal: NonNullable<GateRecord["proposal"]> | undefined;
  readonly settings: AppSettings["gate"];
};

/** Puts a gate on record, once; its time begins with the first record. */
export async function openGate(
  { repository, clock }: Pick<HandlerContext, "repository" | "clock">,
  { id, run, sha, proposal, settings }: NewGate,
): Promise<GateRecord | undefined> {
  const now = clock.now();
  const deadline = now + BigInt(Math.round(settings.deadlineMinutes * 60_000)) * 1_000_000n;
  const next: GateRecord = {
    schema: "whetstone.gate/1",
    id,
    run,
    sha,
    proposal: proposal ?? null,
    startedAt: formatInstant(now),
    deadlineAt: formatInstant(deadline),
    reports: 0,
    decision: null,
    end: null,
  };
  const act = { actor: selfOf(repository), decision: "none", reasonCode: "ok", result: "watching" } as const;
  return await updateGate({ state: repository.state, clock }, id, (current) =>
    current === undefined ? { next, entries: [gateEntry(repository, next, act)] } : undefined,
  );
}

type Refusal = { readonly reason: ReasonCode; readonly address: string };

/** On record once for a delivery, however often it is handled. */
async function refuse({ repository, event, clock, log }: HandlerContext, { reason, address }: Refusal): Promise<void> {
  const { owner, repo, state } = repository;
  const path = `gate-refusals/${encodeURIComponent(event.id)}.json`;
  log(`A gate with another callback address was refused (${reason}).`);
  const entry: LedgerEntry = {
    actor: selfOf(repository),
    operation: "gate",
    target: `${owner}/${repo}`,
    decision: "deny",
    reasonCode: reason,
    result: "not answered",
    parametersDigest: digestOf({ address }),
    run: event.id,
  };
  await state.update(`gate: refused ${event.id}`, async (view) => {
    if ((await view.read(path)) !== undefined) return { change: new Map(), value: undefined };
    const { change } = await planLedger(view, [entry], { clock });
    const record = {
      schema: "whetstone.gate-refusal/1",
      at: formatInstant(clock.now()),
      reason,
      address: address.slice(0, 500),
    };
    return { change: new Map([...change, [path, `${JSON.stringify(record)}\n`] as const]), value: undefined };
  });
}
