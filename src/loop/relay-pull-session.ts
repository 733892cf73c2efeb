import type { CallResult } from "../model/call.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import type { CommitSha } from "../model/json.ts";
import type { Hypothesis, Proposal, SessionRecord } from "../model/proposal.ts";
import type { PullChange } from "../model/pull-change.ts";
import type { Stage } from "../model/stage.ts";
import { sha256 } from "../protect/digest.ts";
import { bindProposal, type SessionResult } from "../session/stage.ts";
import { PULL_PATCH } from "./relay-pull.ts";
import type { RelayOrder } from "./relay-order.ts";
import type { LoopRun } from "./run.ts";
import type { Carried } from "./stages.ts";

/** A change that people wrote, in the place of a session's. */
export type PullSession = {
  readonly pull: PullChange;
  readonly baseSha: CommitSha;
  readonly evidence: Evidence;
  readonly carried: Carried;
};

/**
 * The stage `session` of a pull request: nobody is asked. Its change, exactly as the gate read and announced it, becomes the
 * proposal; none of the words that people wrote about it goes any further.
 * @throws WhetstoneError `dossier_mismatch` for another change than the gate's
 */
export async function pullSession(
  run: Pick<LoopRun, "files" | "dossierId" | "workspace">,
  { pull, baseSha, evidence, carried }: PullSession,
): Promise<Stage<SessionResult>> {
  const patch = textOf(run.files.get(PULL_PATCH));
  if (sha256(patch) !== pull.patchDigest) throw altered(`${PULL_PATCH} is not the change that the gate read`);
  const record = recordOf(pull, { patch, target: run.workspace.targetName, calls: carried.captured?.results ?? [] });
  const proposal = bindProposal(record, baseSha);
  if (proposal === undefined) throw new WhetstoneError("defect", "A pull request's change became no proposal.");
  run.files.delete(PULL_PATCH);
  run.files.set("session/record.json", json(record));
  run.files.set("proposal.json", json(proposal));
  run.files.set("change.patch", patch);
  carried.decided = { proposal, session: record, evidence, dossier: run.dossierId };
  carried.replayed = false;
  const summary = `${record.answer?.title ?? ""}; nobody was asked`;
  return { verdict: "pass", reasons: ["ok"], summary, value: { record, proposal } };
}

/**
 * What detect and validate work on is the change that the gate read, whatever a job between them left.
 * @throws WhetstoneError `dossier_mismatch`
 */
export function assertGatesChange(
  { pull }: Pick<RelayOrder, "pull">,
  { patchDigest }: Pick<Proposal, "patchDigest">,
): void {
  if (pull === undefined || pull.patchDigest === patchDigest) return;
  throw altered(`The proposal's patch is ${patchDigest}; the gate read ${pull.patchDigest} of #${pull.number}`);
}

/** Written of a change that people made: its words are Whetstone's own. */
function recordOf(
  { number, headSha, hypothesis, findings, at }: PullChange,
  { patch, target, calls }: { readonly patch: string; readonly target: string; readonly calls: readonly CallResult[] },
): SessionRecord {
  const title = `Pull request #${number} at ${headSha.slice(0, 12)}`;
  const claim = hypothesis ?? noHarm(calls);
  return {
    schema: "whetstone.session/2",
    id: `pull-${number}-${headSha.slice(0, 12)}`,
    mode: "refinement",
    target,
    model: "people",
    recordedAt: at,
    arms: [],
    usage: { inputTokens: 0, outputTokens: 0, turns: 0, costUsd: 0 },
    summary: "",
    partial: false,
    answer: { title, patch, hypothesis: claim, rationale: "", findings: [...findings] },
  };
}

/** Nothing is claimed: the tool that is called most must not get worse, as none may. */
function noHarm(calls: readonly CallResult[]): Hypothesis {
  const byTool = [...Map.groupBy(calls, ({ tool }) => tool)].map(([tool, { length }]) => ({ tool, length }));
  const most = byTool.toSorted((a, b) => b.length - a.length || (a.tool < b.tool ? -1 : 1))[0];
  return { metric: "p50_ms", operation: most?.tool ?? "", direction: "decrease", expectedChange: 0 };
}

function altered(what: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${what}.`, {
    remedy: "Run the whole workflow again; do not mix parts of different runs or attempts.",
  });
}

function textOf(content: string | Uint8Array | undefined): string {
  return typeof content === "string" ? content : new TextDecoder().decode(content ?? new Uint8Array());
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
