import type { ReasonCode } from "../../model/codes.ts";
import type { CommitSha } from "../../model/json.ts";
import type { ScopeRules } from "../patch-rules.ts";
import type { ProtectedClass } from "./protected-class.ts";

/** A change from outside: hostile until the wall let it pass. */
export type Change = {
  /** A unified diff as `git diff` writes it, or a bundle as `git bundle create FILE BASE..HEAD` does. */
  readonly kind: "diff" | "bundle";
  readonly bytes: Uint8Array | string;
  readonly baseSha: CommitSha;
  /** SHA-256 that the bytes must have, where one was recorded. */
  readonly digest?: string | undefined;
  /** Where the base branch stands now, where that matters. */
  readonly head?: CommitSha | undefined;
};

/** What the wall holds a change against. */
export type WallRules = ScopeRules;

/** One path that a change left with another mode or content; absent sides are null. Ids are git's blob ids. */
export type RawChange = {
  readonly path: string;
  readonly oldMode: string | null;
  readonly newMode: string | null;
  readonly oldId: string | null;
  readonly newId: string | null;
};

/** The three views of a change as they were seen, so that their comparison can be repeated. */
export type WallEvidence = {
  /** Our own application of the hunks to the base's contents. */
  readonly ours: readonly RawChange[];
  /** What `git apply` says it read: added and removed lines per path, and the lines of its summary. */
  readonly read: GitReading;
  /** `git diff-tree --raw` between the base's tree and the one that git made. */
  readonly tree: readonly RawChange[];
};

/** `git apply --numstat --summary`: `added TAB removed TAB path` and lines such as ` create mode 100644 path`. */
export type GitReading = { readonly numstat: readonly string[]; readonly summary: readonly string[] };

/** What the wall says. */
export type WallResult =
  | {
      readonly ok: true;
      /** The change as a unified diff: of a bundle, the one that git writes of it. */
      readonly patch: string;
      /** Tree that the change leads to. */
      readonly tree: string;
      readonly evidence: WallEvidence;
      /** Protected classes for which the target wants a review asked. */
      readonly reviews: readonly ProtectedClass[];
      readonly details: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
      readonly details: readonly string[];
      /** What to do, in one sentence. */
      readonly remedy: string;
      readonly evidence?: WallEvidence;
    };

/** The refusing half of {@link WallResult}. */
export type WallRefusal = Extract<WallResult, { ok: false }>;

const REMEDIES: Readonly<Partial<Record<ReasonCode, string>>> = {
  patch_empty: "Send a patch that changes something.",
  patch_unparseable: "Write the patch with `git diff` against the base commit and pass it on unaltered.",
  patch_does_not_apply: "Write the patch anew against the base commit.",
  path_forbidden: "Leave the file out, or allow it for the target in whetstone.yaml (`source`, `protected`).",
  path_collision: "Choose a name that differs from the others in more than case or Unicode form.",
  mode_forbidden: "Keep to plain files; where they may be executable says `executable` of the target.",
  binary_forbidden:
    "Leave binary content out, or allow its paths for the target (`binary`) and use `git diff --binary`.",
  size_exceeded: "Split the change, or raise `limits` of the target.",
  merge_forbidden: "Put the change on top of the base as one line of commits.",
  bundle_unreadable: "Write the bundle anew with `git bundle create FILE BASE..HEAD`.",
  base_missing: "Fetch the base commit first, or validate against a commit that is here.",
  base_moved: "Validate the change anew on the new head of the branch.",
  digest_mismatch: "Fetch the change again from where it was recorded; do not use this copy.",
  views_disagree: "Do not use this change: it can be read in two ways.",
};

/** A refusal for these reasons, in words, with the remedy of the first. */
export function refuse(reason: ReasonCode | readonly ReasonCode[], ...details: readonly string[]): WallRefusal {
  const [first = "patch_unparseable", ...others] = typeof reason === "string" ? [reason] : reason;
  const remedy = REMEDIES[first] ?? "Do not use this change.";
  return { ok: false, reasons: [first, ...others], details, remedy };
}
