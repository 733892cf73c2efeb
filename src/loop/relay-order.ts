import { join } from "node:path";
import { z } from "zod";
import type { StateStore, StateView } from "../github/state-port.ts";
import { Amount } from "../model/budget.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { CommitSha, Digest } from "../model/json.ts";
import { Actor } from "../model/ledger.ts";
import { SessionMode } from "../model/proposal.ts";
import { PullAtHead, PullChange } from "../model/pull-change.ts";
import { JobRun } from "../model/step-verdict.ts";
import { sha256 } from "../protect/digest.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { readSession } from "../session/replay.ts";

/** File of a dossier under way that says what the gate let through. */
export const ORDER_FILE = "relay-order.json";

/** What a person asked the workflow for. */
export const Asked = z.strictObject({
  mode: SessionMode,
  /**
   * Who answers: the real Claude Code, or a recording (path below the repository); or nobody, because the change of a pull
   * request is proved. `null`: nobody, it only looks.
   */
  session: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("claude"), budgetUsd: z.number().positive().nullable() }),
      z.strictObject({ kind: z.literal("replay"), file: z.string().min(1) }),
      PullAtHead.extend({ kind: z.literal("pull") }),
    ])
    .nullable(),
  question: z.string().min(1).max(2_000).nullable(),
});
export type Asked = z.infer<typeof Asked>;

/** A run that only looks. */
export const ONLY_LOOKS: Asked = { mode: "analysis", session: null, question: null };

/**
 * What the gate, which may write the state branch, settled for the jobs that may not: what was asked for, what was set
 * aside and permitted for it, and what of the state they need. It travels in the dossier; its SHA-256 goes from the gate
 * to each job by the workflow itself, so that no job between them can alter it. It never holds a key or a token.
 */
export const RelayOrder = z.strictObject({
  schema: z.literal("whetstone.relay-order/1"),
  run: z.string(),
  target: z.string(),
  baseSha: CommitSha,
  /** The attempt of the workflow run that the gate was part of; `null` outside a workflow. */
  made: JobRun.nullable(),
  dryRun: z.boolean(),
  asked: Asked,
  /** The change of a pull request as the gate read it; its patch lies in the dossier. */
  pull: PullChange.exactOptional(),
  /** Set aside for the session; `null` where it costs nothing. */
  budget: z.strictObject({ id: z.string(), day: z.string(), reserved: Amount }).nullable(),
  /** The single-use authorization that was used up for the session; `null` where none is needed. */
  permission: z.strictObject({ authorization: z.string(), actor: Actor, subject: Digest }).nullable(),
  /** Files of the state branch at `tip`, by path: what is remembered of the target. */
  state: z.strictObject({ tip: CommitSha.nullable(), files: z.record(z.string(), z.string()) }),
});
export type RelayOrder = z.infer<typeof RelayOrder>;

/** The order as a file of the dossier, and its digest. */
export function packOrder(order: RelayOrder): { readonly text: string; readonly digest: Digest } {
  const text = `${JSON.stringify(RelayOrder.parse(order))}\n`;
  return { text, digest: sha256(text) };
}

/**
 * The order that a dossier carries, if it is the one that the gate announced.
 * @throws WhetstoneError `dossier_mismatch` when it is missing, another, or of another run
 */
export function openOrder({ manifest, text }: OpenDossier, digest: string | undefined): RelayOrder {
  const content = text(ORDER_FILE);
  if (content === undefined) throw mismatch("is missing");
  if (sha256(content) !== digest) throw mismatch(`is not the one that the gate announced as ${digest ?? "nothing"}`);
  const order = parseOrder(content);
  const { run, target, baseSha } = order;
  if (run === manifest.run && target === manifest.target && baseSha === manifest.baseSha) return order;
  throw mismatch(`is of the run ${run} on ${target} at ${baseSha}`);
}

function parseOrder(text: string): RelayOrder {
  try {
    return RelayOrder.parse(JSON.parse(text));
  } catch (error) {
    throw mismatch(`does not hold what it should: ${messageOf(error)}`, error);
  }
}

function mismatch(why: string, cause?: unknown): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${ORDER_FILE} ${why}.`, {
    remedy: "Run the whole workflow again; do not mix parts of different runs or attempts.",
    data: { file: ORDER_FILE },
    cause,
  });
}

/**
 * A permission and a reservation are for one session of one attempt: a single job that is run again would be a second.
 * @throws WhetstoneError `dossier_mismatch`
 */
export function assertSameAttempt({ made }: Pick<RelayOrder, "made">, attempt: JobRun | undefined): void {
  if (made?.id === attempt?.id && made?.attempt === attempt?.attempt) return;
  const name = (run: JobRun | null | undefined): string => (run ? `attempt ${run.attempt} of run ${run.id}` : "no run");
  throw new WhetstoneError(
    "dossier_mismatch",
    `The gate let one session of ${name(made)} through; this is ${name(attempt)}.`,
    { remedy: "Start the whole workflow anew, with a new authorization: a permission is for one session." },
  );
}

/** The files of the state that an order carries. */
export function orderedView({ tip, files }: RelayOrder["state"]): StateView {
  const paths = Object.keys(files).toSorted();
  return {
    head: tip ?? undefined,
    read: async (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
    list: async (prefix) => paths.filter((path) => path.startsWith(prefix)),
  };
}

/** The state as the gate saw it, for jobs that hold no token: it can be read, and nothing can be written. */
export function orderedState({ state }: Pick<RelayOrder, "state">): StateStore {
  const view = orderedView(state);
  return {
    view: async () => view,
    update: async (message, plan) => {
      const { change, value } = await plan(view);
      if (change.size === 0) return value;
      throw new WhetstoneError("defect", `A job without a token was to write the state: ${message}.`);
    },
  };
}

/**
 * Reads the recording that would answer, before anything is measured for it.
 * @throws WhetstoneError `session_invalid`: missing, unreadable, of another target or another mode
 */
export async function assertAnswers(
  { session, mode }: Asked,
  { folder, target }: { readonly folder: string; readonly target: string },
): Promise<void> {
  if (session?.kind !== "replay") return;
  const record = await readSession(join(folder, session.file));
  if (record.target === target && record.mode === mode) return;
  throw new WhetstoneError(
    "session_invalid",
    `${session.file} is a recorded ${record.mode} of "${record.target}"; asked for is a ${mode} of "${target}".`,
    { remedy: "Choose another recording, or its mode and target." },
  );
}
