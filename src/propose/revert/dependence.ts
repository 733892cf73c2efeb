/** One file in the three versions of a revert, as text; absent where the file is not there. */
export type FileText = { readonly path: string; readonly text: string | undefined };

/** A later line that uses what taking the change back would remove. */
export type Use = { readonly path: string; readonly line: number; readonly name: string };

/** Names shorter than this are too common to tell anything. */
const SHORTEST_NAME = 4;
const NAME = /[\p{L}_$][\p{L}\p{N}_$]*/gu;

/** Where a name is made: after a word that declares, or at the start of a line before `=` or `:`. */
const DECLARED =
  /(?:\b(?:const|let|var|function\*?|class|def|type|interface|enum|fn|func|struct|trait|namespace)\s+|^[ \t]*)(?<name>[\p{L}_$][\p{L}\p{N}_$]*)(?<sign>[ \t]*(?:=(?!=)|:))?/gmu;

/**
 * Names that the change made, and names of files that it added: taking it back takes them away. A word that stood in one of
 * its files before it is not its own, and neither is one that it only uses.
 */
export function introducedNames(before: readonly FileText[], changed: readonly FileText[]): ReadonlySet<string> {
  const known = new Set(before.flatMap(({ text }) => namesOf(text ?? "")));
  const there = new Set(before.filter(({ text }) => text !== undefined).map(({ path }) => path));
  const added = changed
    .filter(({ path, text }) => text !== undefined && !there.has(path))
    .map(({ path }) => stem(path));
  const made = changed.flatMap(({ text }) => declaredIn(text ?? ""));
  return new Set([...added, ...made].filter((name) => name.length >= SHORTEST_NAME && !known.has(name)));
}

function declaredIn(text: string): readonly string[] {
  return [...text.matchAll(DECLARED)].flatMap(({ groups, 0: whole }): readonly string[] => {
    const name = groups?.["name"] ?? "";
    const keyword = whole.trimStart().length > name.length + (groups?.["sign"] ?? "").length;
    return keyword || groups?.["sign"] !== undefined ? [name] : [];
  });
}

/** `src/batch.ts` → `batch`, as an import names it. */
function stem(path: string): string {
  return path.replace(/^.*\//, "").replace(/\..*$/, "");
}

/** Files after the change and now; `touched`: paths of the change itself. */
export type LaterFiles = {
  readonly touched: ReadonlySet<string>;
  readonly changed: readonly FileText[];
  readonly now: readonly FileText[];
};

/**
 * Lines that came after the change and use one of the names, in files as they are now: what was merged later and depends
 * on it. Lines that the change itself brought do not count, and neither does a word that a file of others held already.
 */
export function usesOf(names: ReadonlySet<string>, { touched, changed, now }: LaterFiles): readonly Use[] {
  if (names.size === 0) return [];
  return now.flatMap(({ path, text }) => {
    const before = changed.find((file) => file.path === path)?.text ?? "";
    const old = new Set(before.split("\n"));
    const own = new Set(touched.has(path) ? [] : namesOf(before));
    return (text ?? "").split("\n").flatMap((line, index): readonly Use[] => {
      if (old.has(line)) return [];
      const name = namesOf(line).find((word) => names.has(word) && !own.has(word));
      return name === undefined ? [] : [{ path, line: index + 1, name }];
    });
  });
}

function namesOf(text: string): readonly string[] {
  return [...text.matchAll(NAME)].map(([name]) => name).filter((name) => name.length >= SHORTEST_NAME);
}
