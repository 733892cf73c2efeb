import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GitBundle } from "../protect/wall/wall-git.ts";
import type { Scratch } from "./scratch.ts";

/**
 * Verifies a bundle and takes its pack in as `git bundle unbundle` does, but with every object checked by fsck. Its refs
 * are only named, none is made. The base's ref is the only one here, so the bundle must build on that.
 */
export async function takeBundle(
  scratch: Scratch,
  bundle: Uint8Array,
  { packAt }: { readonly packAt: number },
): Promise<GitBundle> {
  const file = join(scratch.path, "change.bundle");
  await writeFile(file, bundle);
  const okCodes = [0, 1, 128];
  const verified = await scratch.run(["bundle", "verify", "--quiet", file], { okCodes });
  if (verified.code !== 0) return { ok: false, detail: verified.stderr.trim() };
  const heads = await scratch.run(["bundle", "list-heads", file], { okCodes });
  if (heads.code !== 0) return { ok: false, detail: heads.stderr.trim() };
  const args = ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${bundle.length}`];
  const indexed = await scratch.run(args, { input: bundle.subarray(packAt), okCodes });
  const tips = heads.stdout
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
  if (indexed.code === 0) return { ok: true, tips };
  const fault = /object [0-9a-f]+: (\w+): /.exec(indexed.stderr)?.[1];
  return { ok: false, detail: indexed.stderr.trim(), ...(fault !== undefined && { fault }) };
}
