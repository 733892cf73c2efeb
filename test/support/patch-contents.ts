import type { BaseFiles } from "../../src/github/rest/forge.ts";
import type { FileChange } from "../../src/github/commit-port.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { parsePatch, pathsOf } from "../../src/protect/patch.ts";
import { contentsAfter } from "../../src/protect/wall/own-view.ts";

/**
 * The files that a patch leaves changed, from the base's own bytes: strictly read, every hunk where its header says.
 * @throws WhetstoneError `git_failed`: it cannot be read, or does not fit the base
 */
export async function applyPatchTo({ entries, read }: BaseFiles, text: string): Promise<readonly FileChange[]> {
  const parsed = parsePatch(text);
  if (!parsed.ok) throw unfit(parsed.detail);
  const blobs = parsed.patch.files.flatMap(pathsOf).flatMap((path) => entries.get(path)?.sha ?? []);
  const contents = new Map<string, Uint8Array>();
  for (const blob of new Set(blobs)) contents.set(blob, await read(blob));
  const known = new Map([...entries].map(([path, { mode, sha }]) => [path, { path, mode, id: sha }]));
  const view = contentsAfter(parsed.patch, { tree: "0".repeat(40), entries: known, contents });
  if (!view.ok) throw unfit(view.detail);
  return view.files.map(({ path, mode, bytes }) =>
    mode === null || bytes === null ? { path, mode: null, bytes: null } : { path, mode, bytes },
  );
}

function unfit(detail: string): WhetstoneError {
  return new WhetstoneError("git_failed", detail, { remedy: "Make the patch anew on that commit." });
}
