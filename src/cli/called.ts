import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { packagePath } from "./package-path.ts";

/** How people call the command line in a repository, and whether that is Whetstone's own clone. */
export type Called = { readonly command: string; readonly ownClone: boolean };

/**
 * `npx whetstone` only where npx finds it in the repository: elsewhere it would ask the registry for a package of that
 * name, and run what it gets.
 */
export function howCalled(root: string): Called {
  const ownClone = dirname(packagePath("bin")) === root;
  const installed = ownClone || existsSync(join(root, "node_modules", ".bin", "whetstone"));
  return { command: installed ? "npx whetstone" : "whetstone", ownClone };
}
