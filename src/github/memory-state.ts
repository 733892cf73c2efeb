import { createHash } from "node:crypto";
import { WhetstoneError } from "../model/error.ts";
import { canonicalJson, type CommitSha } from "../model/json.ts";
import { assertStorable, pathsBelow } from "./state-path.ts";
import type { StateChange, StateStore, StateView } from "./state-port.ts";

type Snapshot = { readonly head: CommitSha | undefined; readonly files: ReadonlyMap<string, string> };

/** Memory twin of the git state: same compare-and-swap, same refusals, nothing on disk. */
export function openMemoryState(options: { readonly retries?: number } = {}): StateStore {
  const retries = options.retries ?? 50;
  let current: Snapshot = { head: undefined, files: new Map() };
  return {
    view: async () => viewOf(current),
    update: async (message, plan) => {
      for (let attempt = 0; attempt <= retries; attempt += 1) {
        const base = current;
        const { change, value } = await plan(viewOf(base));
        assertStorable(base.files.keys(), change);
        const files = changed(base.files, change);
        if (files === base.files) return value;
        if (current !== base) continue;
        current = { head: commitId({ parent: base.head ?? null, message, change: [...change] }), files };
        return value;
      }
      throw new WhetstoneError("ref_moved", `The state moved ${retries + 1} times while it was being written.`, {
        remedy: "Run the command again.",
        data: { attempts: retries + 1 },
      });
    },
  };
}

function viewOf({ head, files }: Snapshot): StateView {
  return {
    head,
    read: async (path) => files.get(path),
    list: async (prefix) => pathsBelow(files.keys(), prefix),
  };
}

/** The files after the change; the same map when it changes nothing. */
function changed(files: ReadonlyMap<string, string>, change: StateChange): ReadonlyMap<string, string> {
  const next = new Map(files);
  for (const [path, content] of change) {
    if (content === null) next.delete(path);
    else next.set(path, content);
  }
  const same = next.size === files.size && [...next].every(([path, content]) => files.get(path) === content);
  return same ? files : next;
}

/** An id of the form of a git object id over what a commit follows and changes, and so over everything that it holds. */
function commitId(value: unknown): CommitSha {
  return createHash("sha1").update(canonicalJson(value)).digest("hex");
}
