import { join } from "node:path";
import { messageOf, codeOf, WhetstoneError } from "../model/error.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { baseSubject } from "../protect/authorization/subject.ts";
import type { SessionRunner } from "../session/port.ts";
import { replayRunner } from "../session/replay.ts";
import { spanStoreUrl } from "../wire.ts";
import type { LoopStages } from "../flow.ts";
import type { Evidence } from "../model/finding.ts";
import { allowNamespaces } from "./hosted-runner.ts";
import type { RelayRequest } from "./relay-request.ts";
import { assertSameAttempt, type RelayOrder } from "./relay-order.ts";
import type { LoopRun } from "./run.ts";
import { unpackSpans } from "./span-pack.ts";
import type { Carried } from "./stages.ts";

/** Where a session's telemetry server finds what was measured. */
const SPANS = "evidence/spans.ndjson.gz";

/** What the job that asks somebody works with. */
export type SessionJob = {
  readonly request: RelayRequest;
  readonly order: RelayOrder;
  readonly earlier: OpenDossier;
  readonly carried: Carried;
  readonly note: (line: string) => void;
};

/**
 * Who answers in the job `session`: the recording, or the real Claude Code on what the gate set aside and permitted. What
 * the session cost is carried over, for the job that books it.
 * @throws WhetstoneError `dossier_mismatch` for a job that is run again by itself
 */
export function orderedRunner(run: LoopRun, job: SessionJob): SessionRunner {
  const { request, order, carried } = job;
  const { session } = order.asked;
  if (session === null || session.kind === "pull") {
    const refuse = () => Promise.reject(new WhetstoneError("defect", "A session was started that nobody asked for."));
    return { kind: "memory", run: refuse };
  }
  if (session.kind === "replay") return replayRunner(join(request.places.cwd, session.file));
  assertSameAttempt(order, request.workflow);
  carried.spent = { usd: 0, tokens: 0 };
  return { kind: "claude", run: async (asked) => await (await openLive(run, job)).run(asked) };
}

/** @throws WhetstoneError `usage` (no key), `package_refused`, `api_failed`, `timeout`: before anything is spent */
async function openLive(run: LoopRun, { request, order, earlier, carried, note }: SessionJob): Promise<SessionRunner> {
  await loadSpans(run, earlier);
  await allowNamespaces(request.variables ?? {}, { note });
  // The program is large and its parts are many: what replays a recording does without them.
  const { admittedSessions, openClaude } = await import("./claude.ts");
  const storeUrl = spanStoreUrl(request.places, request.env, run.workspace.config);
  const budgetUsd = order.budget?.reserved.usd;
  const live = { variables: request.variables ?? {}, ...(budgetUsd === undefined ? {} : { budgetUsd }) };
  const claude = await openClaude(live, { cwd: request.places.cwd, storeUrl, note });
  return admittedSessions(run, claude, {
    authorize: (asked) => permitAgain(run, order, asked),
    book: async (spent) => {
      carried.spent = spent;
    },
  });
}

/** The permission that the gate used up for this session. */
function permitAgain(
  { workspace: { guard }, id }: LoopRun,
  { permission }: RelayOrder,
  { target, baseSha }: Pick<Parameters<SessionRunner["run"]>[0], "target" | "baseSha">,
): ReturnType<typeof guard.permit<"session.refine">> {
  if (permission === null) throw new WhetstoneError("defect", "A refinement was started that nobody permitted.");
  const { authorization, actor, subject } = permission;
  const used = { authorization, operation: "session.refine", target, run: id, actor, subject } as const;
  return guard.permit("session.refine", { actor, target, run: id, subject: baseSubject(target, baseSha), used });
}

/** The spans were measured on another machine. */
async function loadSpans({ store }: LoopRun, dossier: OpenDossier): Promise<void> {
  const packed = dossier.bytes(SPANS);
  if (packed !== undefined) await store.append(unpackSpans(packed));
}

/**
 * A live session that failed ends its stage, not its job: what it cost is handed on with why. Errors of a session that was
 * recorded pass through.
 */
export async function endOfSession(
  stages: Pick<LoopStages, "session">,
  evidence: Evidence,
  carried: Carried,
): ReturnType<LoopStages["session"]> {
  try {
    return await stages.session(evidence);
  } catch (error) {
    if (carried.spent === undefined || ["stopped", "interrupted", "defect"].includes(codeOf(error) ?? "")) throw error;
    return { verdict: "inconclusive", reasons: ["run_failed"], summary: messageOf(error), value: undefined };
  }
}
