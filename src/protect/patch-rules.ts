import picomatch from "picomatch";
import type { ReasonCode } from "../model/codes.ts";
import type { StageVerdict } from "../model/verdict.ts";
import { pathsOf } from "./patch.ts";
import { linesOf } from "./patch-file.ts";
import type { FilePatch, Patch } from "./patch-form.ts";
import { dangerOf, foldName } from "./wall/path-form.ts";
import {
  isInstalled,
  type Policy,
  PROTECTED_CLASSES,
  type ProtectedClass,
  protectedClassOf,
} from "./wall/protected-class.ts";

/**
 * How large a proposal may be: files touched, hunks, lines added and removed together, bytes of the patch's text, and
 * bytes of one binary content.
 */
export type ScopeLimits = {
  readonly files: number;
  readonly hunks: number;
  readonly lines: number;
  readonly bytes: number;
  readonly binaryBytes: number;
};

/** Limits where the configuration says none. */
export const DEFAULT_LIMITS: ScopeLimits = {
  files: 10,
  hunks: 200,
  lines: 600,
  bytes: 65_536,
  binaryBytes: 1_048_576,
};

/** Which paths a proposal may touch, and how large it may be. Globs; one with a leading `!` takes out. */
export type ScopeRules = {
  /** An exclusive list: nothing else may be touched. */
  readonly source: readonly string[];
  readonly limits?: Partial<ScopeLimits> | undefined;
  /** Classes that are not blocked. Their paths must be in `source` too. */
  readonly protected?: Readonly<Partial<Record<ProtectedClass, Policy | undefined>>> | undefined;
  /** Where files may become executable; nowhere when absent. */
  readonly executable?: readonly string[] | undefined;
  /** Where content may be binary; nowhere when absent. */
  readonly binary?: readonly string[] | undefined;
};

/** What speaks against a change. */
export type Fault = { readonly reason: ReasonCode; readonly detail: string };

/**
 * Stage `scope`: may the patch touch what it touches? Old and new names count alike. All faults are named, up to twenty,
 * and how many there are beyond. A pass names the classes for which a review is asked.
 */
export function judgeScope(patch: Patch, rules: ScopeRules): StageVerdict {
  const allowed = allowList(rules.source);
  const paths = patch.files.flatMap(pathsOf);
  const faults = [
    ...sizeFaults(patch, { ...DEFAULT_LIMITS, ...rules.limits }),
    ...paths.flatMap((path) => pathFaults(path, { allowed, rules })),
    ...collisionsOf(paths, paths),
    ...patch.files.flatMap((file) => modeFaults(file, allowList(rules.executable ?? []))),
    ...patch.files.flatMap((file) => binaryFaults(file, allowList(rules.binary ?? []))),
  ];
  if (patch.files.length === 0) faults.push({ reason: "patch_empty", detail: "The patch changes no file." });
  return faults.length === 0 ? pass(patch, reviewsOf(paths, rules)) : failWith(faults);
}

/** The classes of a change for which the target wants a review asked, each once. */
export function reviewsOf(paths: readonly string[], rules: ScopeRules): readonly ProtectedClass[] {
  const classes = paths.map(protectedClassOf).filter((one) => one !== undefined);
  return [...new Set(classes)].filter((one) => rules.protected?.[one] === "request-review");
}

/** Why a file may not be changed under these rules, whatever the change is; undefined when it may. */
export function pathRefusal(path: string, rules: ScopeRules): string | undefined {
  return pathFaults(path, { allowed: allowList(rules.source), rules })[0]?.detail;
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

function pass(patch: Patch, reviews: readonly ProtectedClass[]): StageVerdict {
  const { added, removed } = countLines(patch);
  const detail = `${patch.files.length} files, ${added} lines added, ${removed} removed, ${patch.bytes} bytes: all allowed.`;
  const asked = reviews.map((one) => `Touches ${PROTECTED_CLASSES[one]} (${one}): a review of that is asked for.`);
  return { verdict: "pass", reasons: ["ok"], details: [detail, ...asked] };
}

/** The verdict that faults lead to: all their reasons, up to twenty of them in words. */
export function failWith(faults: readonly Fault[]): StageVerdict {
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
  const contents = patch.files.flatMap(({ content }) => [content?.forward.size ?? 0, content?.reverse?.size ?? 0]);
  const sizes: ScopeLimits = {
    files: patch.files.length,
    hunks: patch.files.reduce((sum, { hunks }) => sum + hunks.length, 0),
    lines: added + removed,
    bytes: patch.bytes,
    binaryBytes: contents.reduce((most, size) => Math.max(most, size), 0),
  };
  return (Object.keys(sizes) as (keyof ScopeLimits)[])
    .filter((unit) => !(sizes[unit] <= limits[unit]))
    .map((unit) => ({
      reason: "size_exceeded",
      detail: `${sizes[unit]} ${unit} changed, at most ${limits[unit]} allowed.`,
    }));
}

type PathRules = { readonly allowed: (path: string) => boolean; readonly rules: ScopeRules };

function pathFaults(path: string, { allowed, rules }: PathRules): readonly Fault[] {
  const why =
    dangerOf(path) ?? protectionOf(path, rules) ?? (allowed(path) ? undefined : "is outside the target's source paths");
  return why === undefined ? [] : [{ reason: "path_forbidden", detail: `${JSON.stringify(path)} ${why}.` }];
}

function protectionOf(path: string, rules: ScopeRules): string | undefined {
  if (isInstalled(path)) return "is installed code";
  const one = protectedClassOf(path);
  if (one === undefined || (rules.protected?.[one] ?? "blocked") !== "blocked") return undefined;
  return `is protected: ${PROTECTED_CLASSES[one]} (${one})`;
}

/**
 * Names among `paths` and `others` that some file system takes for one: they differ in case, Unicode form or unseen
 * characters, in any of their folders; or one is a file and a folder of the other.
 */
export function collisionsOf(paths: readonly string[], others: Iterable<string>): readonly Fault[] {
  const ours = new Set(paths.flatMap((path) => foldersOf(path).map(foldName)));
  const spelled = new Map<string, Set<string>>();
  for (const path of new Set([...others, ...paths])) {
    for (const prefix of foldersOf(path)) {
      const folded = foldName(prefix);
      if (ours.has(folded)) spelled.set(folded, (spelled.get(folded) ?? new Set()).add(prefix));
    }
  }
  return [...spelled.values()]
    .filter((same) => same.size > 1)
    .map((same) => ({
      reason: "path_collision",
      detail: `${[...same].map((name) => JSON.stringify(name)).join(" and ")} are one name where case or Unicode form do not count.`,
    }));
}

/** The path and each folder that it lies in. */
function foldersOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function modeFaults(file: FilePatch, mayRun: (path: string) => boolean): readonly Fault[] {
  const name = file.newPath ?? file.oldPath ?? "";
  const path = JSON.stringify(name);
  const modes = [...new Set([file.oldMode, file.newMode])].filter((mode) => mode !== undefined);
  const faults = modes
    .filter((mode) => mode !== "100644" && mode !== "100755")
    .map((mode): Fault => ({ reason: "mode_forbidden", detail: `${path} has mode ${mode}, ${describeMode(mode)}.` }));
  const made = file.newMode === "100755" && file.oldMode !== "100755" && !mayRun(name);
  return made ? [...faults, { reason: "mode_forbidden", detail: `${path} would become executable.` }] : faults;
}

/** What a mode of git stands for. */
export function describeMode(mode: string): string {
  if (mode === "120000") return "a symbolic link";
  if (mode === "160000") return "a submodule";
  return "which is no plain file";
}

function binaryFaults(
  { binary, content, newPath, oldPath }: FilePatch,
  may: (path: string) => boolean,
): readonly Fault[] {
  const name = newPath ?? oldPath ?? "";
  const path = JSON.stringify(name);
  if (!binary) return [];
  if (!may(name)) return [{ reason: "binary_forbidden", detail: `${path} is binary: nobody can review it.` }];
  if (content !== undefined) return [];
  return [{ reason: "binary_forbidden", detail: `${path} is binary, and the patch does not hold its content.` }];
}
