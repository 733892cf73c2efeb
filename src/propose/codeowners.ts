import picomatch from "picomatch";

/** One line of a CODEOWNERS file: which paths, and who must look at them (user names, teams as `@org/team`). */
export type OwnerRule = { readonly pattern: string; readonly owners: readonly string[] };

/** Where GitHub looks for the file; the first one that is there counts. */
export const CODEOWNERS_PATHS = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] as const;
/** GitHub ignores a larger file. */
const LARGEST = 3 * 1024 * 1024;

/**
 * Reads a CODEOWNERS file as GitHub documents it: lines with faults are skipped, addresses of e-mail name nobody that could
 * be asked. Never throws.
 */
export function parseCodeowners(text: string): readonly OwnerRule[] {
  if (text.length > LARGEST) return [];
  return text.split(/\r?\n/).flatMap((line): OwnerRule[] => {
    const words = line
      .replace(/(?:^|\s)#.*$/, "")
      .trim()
      .split(/(?<!\\)\s+/);
    const [pattern = "", ...owners] = words;
    // Negation and ranges of characters are not part of GitHub's form.
    if (pattern === "" || pattern.startsWith("!") || /[[\]]/.test(pattern)) return [];
    const named = owners.filter((owner) =>
      /^@[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?(?:\[bot\])?(?:\/[\w.-]+)?$/.test(owner),
    );
    return [{ pattern: pattern.replaceAll(/\\(?=[ #])/g, ""), owners: named.map(nameOf) }];
  });
}

/** Users without `@`; teams keep it, as they are named with their organisation. */
function nameOf(owner: string): string {
  return owner.includes("/") ? owner : owner.slice(1);
}

/** Who owns any of the paths: of each path the last rule that fits counts. In the order of the file, each once. */
export function ownersOf(rules: readonly OwnerRule[], paths: readonly string[]): readonly string[] {
  const matchers = rules.map(({ pattern, owners }) => ({ fits: matcherOf(pattern), owners }));
  const owners = paths.flatMap((path) => matchers.findLast(({ fits }) => fits(path))?.owners ?? []);
  return [...new Set(owners)];
}

/** The pattern language of `.gitignore` without its negations; `folder/*` means what lies directly in the folder. */
function matcherOf(pattern: string): (path: string) => boolean {
  const anchored = pattern.startsWith("/") || pattern.slice(0, -1).includes("/");
  const folder = pattern.endsWith("/");
  const core = escaped(pattern.replace(/^\//, "").replace(/\/$/, ""));
  const globs = (anchored ? [core] : [core, `**/${core}`]).flatMap((glob) => {
    const below = `${glob}/**/*`;
    if (folder) return [below];
    return anchored && /(?:^|\/)\*$/.test(glob) ? [glob] : [glob, below];
  });
  return picomatch(globs, { dot: true, nonegate: true, nobrace: true, noextglob: true });
}

/** Signs that mean something to picomatch and nothing to CODEOWNERS. */
function escaped(pattern: string): string {
  return pattern.replaceAll(/[(){}[\]+!|$^@]/g, "\\$&");
}
