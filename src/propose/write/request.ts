import type { Commits } from "../../github/commit-port.ts";
import type { Host } from "../../github/host-port.ts";
import type { Forge } from "../../github/port.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { Digest } from "../../model/json.ts";
import type { JobRun } from "../../model/step-verdict.ts";
import type { WallRules } from "../../protect/wall/change.ts";
import type { WallGit } from "../../protect/wall/wall-git.ts";
import type { EarlierEnd } from "../duplicates.ts";
import type { PullRequestFacts } from "../facts.ts";

/** A file from another job: its text, and the digest that the outputs of the job that made it state. */
export type Material = { readonly text: string; readonly digest: Digest };

/** What the jobs before hand over: proposal, session, evidence, validation report, and the verdicts of two jobs. */
export const MATERIALS = ["proposal", "session", "evidence", "validation", "detect", "validate"] as const;
export type MaterialName = (typeof MATERIALS)[number];

/** What the write job is asked to do. Everything but `rules`, `links` and `labels` is hostile until it is verified. */
export type WriteRequest = {
  /** The attempt in which this job runs. */
  readonly run: JobRun;
  /** The one artifact that session, `detect`, `validate` and this job speak of, as the session job's outputs name it. */
  readonly artifact: { readonly id: number; readonly digest: Digest };
  readonly materials: Readonly<Record<MaterialName, Material>>;
  /** The target's rules, from the base branch's own configuration. */
  readonly rules: WallRules;
  readonly dossier: string;
  readonly links: PullRequestFacts["links"];
  readonly labels: readonly string[];
};

/** The ports that the write job needs; all of them are guarded. */
export type WriteDeps = {
  /** Scratch git beside a clone that has the base commit. */
  readonly git: WallGit;
  readonly forge: Pick<Forge, "head" | "read" | "closeProposal">;
  readonly commits: Commits;
  readonly host: Pick<Host, "pulls" | "checks" | "artifacts" | "repository">;
  /** What became of earlier proposals for the target. */
  readonly outcomes: (target: string) => Promise<readonly EarlierEnd[]>;
  /** Asked right before the first write. @throws WhetstoneError `stopped` while the kill switch is set */
  readonly mayWrite: () => Promise<void>;
};

/** What is verified before anything is written, in order. */
export const WRITE_CHECKS = [
  "provenance",
  "parse",
  "ground_truth",
  "modes",
  "paths",
  "size",
  "verdicts",
  "freshness",
  "text",
  "commit",
] as const;
export type WriteCheckName = (typeof WRITE_CHECKS)[number];

/** What one of them said. Those after the first failure are absent. */
export type WriteCheck = {
  readonly check: WriteCheckName;
  readonly verdict: "pass" | "fail";
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly detail: string;
};

/** A check that lets pass, with what it found. */
export function passed(check: WriteCheckName, detail: string): WriteCheck {
  return { check, verdict: "pass", reasons: ["ok"], detail };
}

/** A check that refuses. */
export function failed(
  check: WriteCheckName,
  reasons: ReasonCode | readonly [ReasonCode, ...ReasonCode[]],
  detail: string,
): WriteCheck {
  return { check, verdict: "fail", reasons: typeof reasons === "string" ? [reasons] : reasons, detail };
}
