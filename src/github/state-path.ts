import { WhetstoneError } from "../model/error.ts";
import type { StateChange } from "./state-port.ts";

/** A file that the state has from its first decision on: whoever mended the branch by hand kept it. */
export const STATE_MARK = "ledger-tip.json";

/** Paths below a folder, sorted by code unit; the empty prefix stands for all. `a` and `a/` mean the same folder. */
export function pathsBelow(paths: Iterable<string>, prefix: string): readonly string[] {
  const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  return [...paths].filter((path) => path.startsWith(folder)).sort();
}

/**
 * Refuses a change that git could not store: paths that are absolute, climb, hold control characters or `.git`, and
 * paths that are a file and a folder at once.
 * @throws WhetstoneError `write_failed` naming the path.
 */
export function assertStorable(existing: Iterable<string>, change: StateChange): void {
  const after = new Set(existing);
  for (const [path, content] of change) {
    if (!isStatePath(path)) throw refused(path, "it is not a plain relative path");
    if (content?.isWellFormed() === false) throw refused(path, "its text is not valid Unicode");
    if (content === null) after.delete(path);
    else after.add(path);
  }
  // Only what is new can stand in the way of something: what was there before was storable.
  const added = new Set([...change].filter(([, content]) => content !== null).map(([path]) => path));
  for (const path of added) {
    const folder = parents(path).find((parent) => after.has(parent));
    if (folder !== undefined) throw refused(path, `${folder} is a file`);
  }
  for (const path of after) {
    for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (added.has(folder)) throw refused(path, `${folder} is a file`);
    }
  }
}

function isStatePath(path: string): boolean {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\\]/.test(path) || !path.isWellFormed()) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/^\.git/i.test(part));
}

function parents(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function refused(path: string, why: string): WhetstoneError {
  return new WhetstoneError("write_failed", `The state cannot hold ${JSON.stringify(path)}: ${why}.`, {
    remedy: "Use names of letters, digits, points and dashes for targets, sessions and dossiers.",
    data: { path },
  });
}
