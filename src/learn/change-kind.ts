import type { ChangeKind } from "../model/outcome.ts";

/** What a patch does to one file, as far as its kind hangs on it. */
export type ChangedFile = {
  readonly path: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
};

/** Files whose content is settings. */
const SETTINGS = /\.(?:json|ya?ml|toml|ini|env|properties)$/i;

/** Signs of a kind in added lines; the kind counts when the removed lines show fewer of them. First match wins. */
const SIGNS: readonly (readonly [ChangeKind, RegExp])[] = [
  ["parallelise", /Promise\.(?:all|allSettled|any)\b|asyncio\.gather|TaskGroup|\bgo func\b|\bparallel\w*\(/],
  ["cache", /\bcache\w*|\bmemo(?:ize|ise|ized|ised)?\b|\blru\w*|new (?:Weak)?Map\b/i],
  ["batch", /\bbatch\w*|\bmany\b|\w+Many\(|\bgetAll\w*|\breadAll\w*|\bIN \(/i],
  ["retry", /retr(?:y|ies)|\bbackoff\w*|\battempts?\b/i],
  ["bound", /\btimeout\w*|\blimit\w*|\bmax[A-Z_]\w*|\.slice\(|\bAbortSignal\b|\bsemaphore\b|\bpage(?:Size|d)?\b/i],
  ["guard", /\btry\b|\bcatch\b|\bthrow\b|\bif \(|\?\?|\bexcept\b|\braise\b|\bisError\b/],
];

/**
 * The kind of change that a patch makes, by its lines alone: crude, but the same for the same patch, so that outcomes can
 * be counted by it. Comments count as lines; what shows no sign is `remove` when it takes away twice what it adds,
 * `configure` when it touches settings only, else `rewrite`.
 */
export function changeKindOf(files: readonly ChangedFile[]): ChangeKind {
  const added = files.flatMap((file) => file.added);
  const removed = files.flatMap((file) => file.removed);
  if (files.length > 0 && files.every(({ path }) => SETTINGS.test(path))) return "configure";
  const shows = (lines: readonly string[], sign: RegExp): number => lines.filter((line) => sign.test(line)).length;
  const kind = SIGNS.find(([, sign]) => shows(added, sign) > shows(removed, sign))?.[0];
  if (kind !== undefined) return kind;
  return removed.length > 0 && removed.length >= 2 * added.length ? "remove" : "rewrite";
}
