import { readFileSync, readdirSync, lstatSync } from "node:fs";
import { join } from "node:path";

/** Bytes of all files below a folder; a package inside its `node_modules` counts for itself. Links count nothing. */
export function weightOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += entry.name === "node_modules" ? 0 : weightOf(path);
    else if (entry.isFile()) bytes += lstatSync(path).size;
  }
  return bytes;
}

type Lock = { readonly packages: Readonly<Record<string, Readonly<Record<string, unknown>>>> };

/** Folders of the packages that an install without dev dependencies brings, as `package-lock.json` says; sorted. */
export function productionTree(lockFile: string): string[] {
  const lock = JSON.parse(readFileSync(lockFile, "utf8")) as Lock;
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== "" && entry["dev"] !== true && entry["devOptional"] !== true)
    .filter(([, entry]) => entry["peer"] !== true)
    .map(([path]) => path)
    .sort();
}
