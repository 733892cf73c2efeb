import type { FileChange } from "../../github/commit-port.ts";
import type { ReasonCode } from "../../model/codes.ts";
import type { Proposal } from "../../model/proposal.ts";
import { parsePatch, pathsOf } from "../../protect/patch.ts";
import type { Patch } from "../../protect/patch-form.ts";
import type { RawChange, WallResult, WallRules } from "../../protect/wall/change.ts";
import { contentsAfter, objectId } from "../../protect/wall/own-view.ts";
import type { ProtectedClass } from "../../protect/wall/protected-class.ts";
import { passWall } from "../../protect/wall/wall.ts";
import type { WallGit } from "../../protect/wall/wall-git.ts";
import { failed, passed, WRITE_CHECKS, type WriteCheck, type WriteCheckName } from "./request.ts";

/** A change that passed the wall, as what will be sent: whole files, and the tree that must come of them. */
export type PassedChange = {
  readonly patch: Patch;
  readonly files: readonly FileChange[];
  readonly tree: string;
  readonly reviews: readonly ProtectedClass[];
};
export type ChangeChecks = { readonly checks: readonly WriteCheck[]; readonly change?: PassedChange };

/** Which check a reason of the wall belongs to. */
const CHECK_OF: Readonly<Partial<Record<ReasonCode, WriteCheckName>>> = {
  digest_mismatch: "provenance",
  patch_empty: "parse",
  patch_unparseable: "parse",
  patch_does_not_apply: "ground_truth",
  views_disagree: "ground_truth",
  base_missing: "ground_truth",
  mode_forbidden: "modes",
  path_collision: "modes",
  binary_forbidden: "modes",
  path_forbidden: "paths",
  size_exceeded: "size",
};

/**
 * Checks 2 to 6: the patch through the wall once more, on the base, in this job; then what will be sent, byte by byte,
 * against what git made of it.
 * @throws WhetstoneError `git_failed`, `not_a_repository`
 */
export async function judgeChange(
  git: WallGit,
  { answer, baseSha, patchDigest }: Proposal,
  rules: WallRules,
): Promise<ChangeChecks> {
  const change = { kind: "diff", bytes: answer.patch, baseSha, digest: patchDigest } as const;
  const wall = await passWall(git, change, rules);
  if (!wall.ok) return { checks: refusal(wall) };
  const sent = await payload(git, wall, baseSha);
  if (typeof sent === "string")
    return { checks: [passed("parse", "Read."), failed("ground_truth", "views_disagree", sent)] };
  const [, parse, ground, modes, paths, size] = WRITE_CHECKS;
  const names = sent.files.map(({ path }) => path).join(", ");
  const checks = [
    passed(parse, `${sent.patch.files.length} files, every header read.`),
    passed(ground, `${wall.details.join(" ")} So does what will be sent; tree ${wall.tree}.`),
    passed(modes, "Plain files only, names that every file system tells apart."),
    passed(paths, `Allowed: ${names}.`),
    passed(size, `${sent.patch.bytes} bytes.`),
  ];
  return { checks, change: { ...sent, tree: wall.tree, reviews: wall.reviews } };
}

/** The refusing check with those before it, which by the wall's own order need not have been reached. */
function refusal({ reasons, details, remedy }: Extract<WallResult, { ok: false }>): readonly WriteCheck[] {
  const check = CHECK_OF[reasons[0]] ?? "ground_truth";
  return [failed(check, reasons, `${details.join(" ")} ${remedy}`)];
}

type Payload = Pick<PassedChange, "patch" | "files">;

/** What will be sent, or why it is not what git made of the patch. */
async function payload(
  git: WallGit,
  wall: Extract<WallResult, { ok: true }>,
  baseSha: string,
): Promise<Payload | string> {
  const parsed = parsePatch(wall.patch);
  const base = await git.base(baseSha);
  if (!parsed.ok || base === undefined) return "The change cannot be read a second time.";
  const entries = new Map(base.entries.map((entry) => [entry.path, entry]));
  const ids = parsed.patch.files.flatMap(pathsOf).flatMap((path) => entries.get(path)?.id ?? []);
  const objects = await git.objects([...new Set(ids)]);
  const contents = new Map([...objects].map(([id, { bytes }]) => [id, bytes]));
  const after = contentsAfter(parsed.patch, { tree: base.tree, entries, contents });
  if (!after.ok) return after.detail;
  const files = after.files.map(({ path, mode, bytes }): FileChange =>
    mode === null || bytes === null ? { path, mode: null, bytes: null } : { path, mode, bytes },
  );
  const fault = payloadFault(files, wall.evidence.tree, base.tree.length);
  return fault ?? { patch: parsed.patch, files };
}

/** What is sent must name exactly the paths that git changed, with exactly their contents. Undefined when it does. */
export function payloadFault(
  files: readonly FileChange[],
  tree: readonly RawChange[],
  idLength: number,
): string | undefined {
  const line = (path: string, mode: string | null, id: string | null) => `${path} ${mode ?? "gone"} ${id ?? ""}`;
  const ours = files.map(({ path, mode, bytes }) =>
    line(path, mode, bytes === null ? null : objectId("blob", bytes, idLength)),
  );
  const theirs = tree.map(({ path, newMode, newId }) => line(path, newMode, newId));
  const odd = [...ours, ...theirs].filter((one) => !(ours.includes(one) && theirs.includes(one)));
  if (odd.length === 0 && ours.length === theirs.length) return undefined;
  return `What would be sent is not what git made of the patch: ${odd
    .slice(0, 5)
    .map((one) => JSON.stringify(one))
    .join(", ")}.`;
}
