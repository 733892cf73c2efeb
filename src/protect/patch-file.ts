import { type BinaryContent, readBinaryContent } from "./patch-binary.ts";
import { type Cursor, type FilePatch, type Hunk, malformed, peek, take } from "./patch-form.ts";
import { readHunks } from "./patch-hunks.ts";
import { headerSays, readHeaderNames, readName } from "./patch-path.ts";

/** Lines between `diff --git` and the hunks that git knows (diff-format, "Generating patch text with -p"). */
const EXTENDED = [
  "old mode ",
  "new mode ",
  "deleted file mode ",
  "new file mode ",
  "similarity index ",
  "rename from ",
  "rename to ",
  "index ",
] as const;
type Extended = Partial<Record<(typeof EXTENDED)[number], string>>;

/** Names of `---` and `+++`; null stands for `/dev/null`. */
type Sides = { readonly oldName: string | null; readonly newName: string | null };

/** Reads what the patch does to one file. The cursor stands on `diff --git`. Throws what `malformed` makes. */
export function readFile(cursor: Cursor): FilePatch {
  const begin = { ...cursor };
  const header = take(cursor, "diff --git ");
  if (header === undefined) throw malformed(cursor, "a file must begin with `diff --git`");
  const extended = readExtended(cursor);
  const sides = readSides(cursor);
  const binary = sides === undefined ? readBinary(cursor, extended["index "]) : undefined;
  const hunks = sides === undefined ? [] : readHunks(cursor);
  if (sides !== undefined && hunks.length === 0) throw malformed(cursor, "`---` and `+++` are followed by no hunk");
  const file: FilePatch = {
    ...identify({ begin, header, extended, sides }),
    ...modesOf(begin, extended),
    ...similarityOf(begin, extended),
    binary: binary !== undefined,
    ...(binary?.content && { content: binary.content }),
    hunks,
  };
  assertSensible(begin, file);
  return file;
}

function readExtended(cursor: Cursor): Extended {
  const extended: Extended = {};
  for (;;) {
    const prefix = EXTENDED.find((known) => peek(cursor)?.startsWith(known));
    if (prefix === undefined) return extended;
    if (extended[prefix] !== undefined) throw malformed(cursor, `\`${prefix.trim()}\` stands twice`);
    extended[prefix] = take(cursor, prefix) ?? "";
  }
}

function readSides(cursor: Cursor): Sides | undefined {
  if (peek(cursor)?.startsWith("--- ") !== true) return undefined;
  return { oldName: readSide(cursor, "--- ", "a/"), newName: readSide(cursor, "+++ ", "b/") };
}

function readSide(cursor: Cursor, sign: string, prefix: string): string | null {
  const line = peek(cursor)?.startsWith(sign) === true ? peek(cursor) : undefined;
  if (line === undefined) throw malformed(cursor, `expected \`${sign.trim()}\``);
  // git ends a name that holds a blank with a tab.
  const text = line.slice(sign.length).replace(/\t$/, "");
  const name = text === "/dev/null" ? null : readName(text);
  if (name === undefined) throw malformed(cursor, "the name is not written as git writes it");
  if (name !== null && !name.startsWith(prefix)) throw malformed(cursor, `the name must begin with ${prefix}`);
  cursor.at += 1;
  return name?.slice(prefix.length) ?? null;
}

/** Recognises binary content; undefined when the file is text. Without data nobody can tell what it becomes. */
function readBinary(cursor: Cursor, index: string | undefined): { readonly content?: BinaryContent } | undefined {
  if (/^Binary files .+ differ$/.test(peek(cursor) ?? "")) {
    cursor.at += 1;
    return {};
  }
  if (peek(cursor) !== "GIT binary patch") return undefined;
  cursor.at += 1;
  return { content: readBinaryContent(cursor, index) };
}

type Parts = {
  readonly begin: Cursor;
  readonly header: string;
  readonly extended: Extended;
  readonly sides: Sides | undefined;
};

/** Status and names. Every place that says a name must say the same one. */
function identify({ begin, header, extended, sides }: Parts): Pick<FilePatch, "status" | "oldPath" | "newPath"> {
  const added = extended["new file mode "] !== undefined;
  const deleted = extended["deleted file mode "] !== undefined;
  const renamed = readRename(begin, extended);
  if (Number(added) + Number(deleted) + Number(renamed !== undefined) > 1) {
    throw malformed(begin, "a file cannot be added, deleted and renamed at once");
  }
  const names = renamed ?? sidesAsNames(sides, added, deleted) ?? readHeaderNames(header);
  if (names === undefined) throw malformed(begin, "the names of the file cannot be told");
  const { oldName, newName } = names;
  const agree =
    sides === undefined || matches(sides, { oldName: added ? null : oldName, newName: deleted ? null : newName });
  if (!agree || !headerSays(header, oldName, newName) || (renamed === undefined && oldName !== newName)) {
    throw malformed(begin, "the headers of the file name different paths");
  }
  if (added) return { status: "added", newPath: newName };
  if (deleted) return { status: "deleted", oldPath: oldName };
  return { status: renamed === undefined ? "modified" : "renamed", oldPath: oldName, newPath: newName };
}

function matches(a: Sides, b: Sides): boolean {
  return a.oldName === b.oldName && a.newName === b.newName;
}

function sidesAsNames(sides: Sides | undefined, added: boolean, deleted: boolean) {
  if (sides === undefined) return undefined;
  const oldName = added ? sides.newName : sides.oldName;
  const newName = deleted ? sides.oldName : sides.newName;
  return oldName === null || newName === null ? undefined : { oldName, newName };
}

function readRename(begin: Cursor, extended: Extended) {
  const from = extended["rename from "];
  const to = extended["rename to "];
  if (from === undefined && to === undefined) return undefined;
  const oldName = readName(from ?? "");
  const newName = readName(to ?? "");
  if (oldName === undefined || newName === undefined) throw malformed(begin, "the rename does not say both names");
  if (oldName === newName) throw malformed(begin, "a file is renamed to its own name");
  return { oldName, newName };
}

/** Modes stand in lines of their own where they change, and behind the `index` line where they stay. */
function modesOf(begin: Cursor, extended: Extended): Pick<FilePatch, "oldMode" | "newMode"> {
  const index = /^[0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: (\d+))?$/.exec(extended["index "] ?? "0000..0000");
  if (index === null) throw malformed(begin, "the `index` line is not as git writes it");
  const oldMode = extended["old mode "] ?? extended["deleted file mode "];
  const newMode = extended["new mode "] ?? extended["new file mode "];
  const same = index[1];
  if (same !== undefined && (oldMode ?? newMode) !== undefined) {
    throw malformed(begin, "the `index` line says a mode besides the one that changes");
  }
  if ((extended["old mode "] === undefined) !== (extended["new mode "] === undefined)) {
    throw malformed(begin, "a change of mode must say the old and the new one");
  }
  const modes = Object.entries({ oldMode: oldMode ?? same, newMode: newMode ?? same });
  const said = modes.filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (said.some(([, mode]) => !/^[0-7]{6}$/.test(mode))) throw malformed(begin, "a mode must be six octal digits");
  return Object.fromEntries(said);
}

function similarityOf(begin: Cursor, extended: Extended): Pick<FilePatch, "similarity"> {
  const text = extended["similarity index "];
  if (text === undefined) return {};
  const percent = /^(\d{1,2}|100)%$/.exec(text)?.[1];
  if (percent === undefined || extended["rename from "] === undefined) {
    throw malformed(begin, "only a rename says how alike its sides are, in percent");
  }
  return { similarity: Number(percent) };
}

function assertSensible(begin: Cursor, { status, hunks, binary, oldMode, newMode }: FilePatch): void {
  const has = (kinds: readonly string[]) => hunks.some(({ lines }) => lines.some(({ kind }) => kinds.includes(kind)));
  if (status === "added" && (has(["context", "remove"]) || hunks.length > 1)) {
    throw malformed(begin, "an added file can only have added lines, in one hunk");
  }
  if (status === "deleted" && (has(["context", "add"]) || hunks.length > 1)) {
    throw malformed(begin, "a deleted file can only have removed lines, in one hunk");
  }
  if (status === "modified" && hunks.length === 0 && !binary && oldMode === newMode) {
    throw malformed(begin, "the file is named, but nothing is changed in it");
  }
}

/** Lines of all hunks, in order. */
export function linesOf({ hunks }: { readonly hunks: readonly Hunk[] }): readonly Hunk["lines"][number][] {
  return hunks.flatMap(({ lines }) => lines);
}
