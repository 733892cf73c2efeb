import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Every file that a built entry loads before it runs, itself included; not what it may load later by `import()`. */
export function loadedFiles(entry: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = readFileSync(entry, "utf8");
  const imports = text.matchAll(/(?:^|[;\n])(?:import|export)\b(?:[^"';]*?from)?\s*["'](\.[^"']+)["']/g);
  for (const [, path = ""] of imports) loadedFiles(resolve(dirname(entry), path), seen);
  return seen;
}
