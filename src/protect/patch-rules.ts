import picomatch from "picomatch";
import type { ReasonCode } from "../model/codes.ts";
import type { StageVerdict } from "../model/verdict.ts";
import { pathsOf } from "./patch.ts";
import { linesOf } from "./patch-file.ts";
import type { FilePatch, Patch } from "./patch-form.ts";
import { protectionOf } from "./patch-protected.ts";

/** How large a proposal may be: files touched, lines added and removed together, bytes of the patch's text. */
export type ScopeLimits = { readonly files: number; readonly lines: number; readonly bytes: number };

/** Limits where the configuration says none. */
export const DEFAULT_LIMITS: ScopeLimits = { files: 10, lines: 600, bytes: 65_536 };

/** Which paths a proposal may touch: glob patterns, an exclusive list; and how large it may be. */
export type ScopeRules = { readonly source: readonly string[]; readonly limits?: Partial<ScopeLimits> };

/** Longest path in UTF-8 bytes; longer ones break on some file systems and hide in reviews. */
const LONGEST_PATH_BYTES = 255;

type Fault = { readonly reason: ReasonCode; readonly detail: string };

/**
 * Stage `scope`: may the patch touch what it touches? Old and new names count alike. All faults are named, up to twenty,
 * and how many there are beyond.
 */
export function judgeScope(patch: Patch, { source, limits }: ScopeRules): StageVerdict {
  const allowed = allowList(source);
  const paths = patch.files.flatMap(pathsOf);
  const faults = [
    ...sizeFaults(patch, { ...DEFAULT_LIMITS, ...limits }),
    ...paths.flatMap((path) => pathFaults(path, allowed)),
    ...caseFaults(paths),
    ...patch.files.flatMap(modeFaults),
    ...patch.files.flatMap(binaryFaults),
  ];
  if (patch.files.length === 0) faults.push({ reason: "patch_empty", detail: "The patch changes no file." });
  return faults.length === 0 ? pass(patch) : fail(faults);
}

/** A path is allowed when one pattern matches and no pattern with a leading `!` does. */
function allowList(source: readonly string[]): (path: string) => boolean {
  const options = { dot: true, strictSlashes: true, nonegate: true };
  const included = picomatch(
    source.filter((glob) => !glob.startsWith("!")),
    options,
  );
  const excluded = picomatch(
    source.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1)),
    options,
  );
  return (path) => included(path) && !excluded(path);
}

function pass(patch: Patch): StageVerdict {
  const { added, removed } = countLines(patch);
  const detail = `${patch.files.length} files, ${added} lines added, ${removed} removed, ${patch.bytes} bytes: all allowed.`;
  return { verdict: "pass", reasons: ["ok"], details: [detail] };
}

function fail(faults: readonly Fault[]): StageVerdict {
  const details = faults.slice(0, 20).map(({ detail }) => detail);
  if (faults.length > details.length) details.push(`${faults.length - details.length} more of ${faults.length}.`);
  return { verdict: "fail", reasons: [...new Set(faults.map(({ reason }) => reason))], details };
}

function countLines(patch: Patch): { readonly added: number; readonly removed: number } {
  const kinds = patch.files.flatMap(linesOf).map(({ kind }) => kind);
  return {
    added: kinds.filter((kind) => kind === "add").length,
    removed: kinds.filter((kind) => kind === "remove").length,
  };
}

function sizeFaults(patch: Patch, limits: ScopeLimits): readonly Fault[] {
  const { added, removed } = countLines(patch);
  const sizes = { files: patch.files.length, lines: added + removed, bytes: patch.bytes };
  return (["files", "lines", "bytes"] as const)
    .filter((unit) => !(sizes[unit] <= limits[unit]))
    .map((unit) => ({
      reason: "size_exceeded",
      detail: `${sizes[unit]} ${unit} changed, at most ${limits[unit]} allowed.`,
    }));
}

function pathFaults(path: string, allowed: (path: string) => boolean): readonly Fault[] {
  const why =
    dangerOf(path) ?? protectionOf(path) ?? (allowed(path) ? undefined : "is outside the target's source paths");
  return why === undefined ? [] : [{ reason: "path_forbidden", detail: `${JSON.stringify(path)} ${why}.` }];
}

/** Names that mean something else to a file system than they show. */
function dangerOf(path: string): string | undefined {
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is an absolute path";
  if (path.includes("\\")) return "holds a backslash";
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "has an empty, `.` or `..` part";
  // Control and format characters (bidirectional marks, zero-width), line and paragraph separators.
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path)) return "holds invisible characters";
  if (path !== path.normalize("NFC")) return "is not in Unicode normal form C";
  if (new TextEncoder().encode(path).length > LONGEST_PATH_BYTES) return `is longer than ${LONGEST_PATH_BYTES} bytes`;
  if (parts.some((part) => /[ .]$/.test(part) || /^git~\d+$/i.test(part))) return "is a name that file systems rewrite";
  return undefined;
}

/** Two names that are one file where case does not count. */
function caseFaults(paths: readonly string[]): readonly Fault[] {
  const byFolded = Map.groupBy(new Set(paths), (path) => path.normalize("NFKC").toLowerCase());
  return [...byFolded.values()]
    .filter((same) => same.length > 1)
    .map((same) => ({ reason: "path_forbidden", detail: `${same.join(" and ")} differ only in case.` }));
}

function modeFaults(file: FilePatch): readonly Fault[] {
  const path = JSON.stringify(file.newPath ?? file.oldPath);
  const modes = [...new Set([file.oldMode, file.newMode])].filter((mode) => mode !== undefined);
  const faults = modes
    .filter((mode) => mode !== "100644" && mode !== "100755")
    .map((mode): Fault => ({ reason: "mode_forbidden", detail: `${path} has mode ${mode}, ${describeMode(mode)}.` }));
  const made = file.newMode === "100755" && file.oldMode !== "100755";
  return made ? [...faults, { reason: "mode_forbidden", detail: `${path} would become executable.` }] : faults;
}

function describeMode(mode: string): string {
  if (mode === "120000") return "a symbolic link";
  if (mode === "160000") return "a submodule";
  return "which is no plain file";
}

function binaryFaults({ binary, newPath, oldPath }: FilePatch): readonly Fault[] {
  const path = JSON.stringify(newPath ?? oldPath);
  return binary ? [{ reason: "patch_unparseable", detail: `${path} is binary: nobody can review it.` }] : [];
}
