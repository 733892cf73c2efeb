/** One file in the three versions of a revert, as text; absent where the file is not there. */
export type FileText = { readonly path: string; readonly text: string | undefined };

/** A later line that uses what taking the change back would remove. */
export type Use = { readonly path: string; readonly line: number; readonly name: string };

/** Names shorter than this are too common to tell anything. */
const SHORTEST_NAME = 4;
const NAME = /[\p{L}_$][\p{L}\p{N}_$]*/gu;

/**
 * Names that only the change brought: words of its files that were in none of them before it. Taking it back takes them
 * away.
 */
export function introducedNames(before: readonly FileText[], changed: readonly FileText[]): ReadonlySet<string> {
  const known = new Set(before.flatMap(({ text }) => namesOf(text ?? "")));
  return new Set(changed.flatMap(({ text }) => namesOf(text ?? "")).filter((name) => !known.has(name)));
}

/**
 * Lines that came after the change and use one of the names, in files as they are now: what was merged later and depends
 * on it. Lines that the change itself brought do not count, and neither do names that later code brought again itself.
 */
export function usesOf(
  names: ReadonlySet<string>,
  { changed, now }: { readonly changed: readonly FileText[]; readonly now: readonly FileText[] },
): readonly Use[] {
  if (names.size === 0) return [];
  return now.flatMap(({ path, text }) => {
    const old = new Set((changed.find((file) => file.path === path)?.text ?? "").split("\n"));
    return (text ?? "").split("\n").flatMap((line, index): readonly Use[] => {
      if (old.has(line)) return [];
      const name = namesOf(line).find((word) => names.has(word));
      return name === undefined ? [] : [{ path, line: index + 1, name }];
    });
  });
}

function namesOf(text: string): readonly string[] {
  return [...text.matchAll(NAME)].map(([name]) => name).filter((name) => name.length >= SHORTEST_NAME);
}
