import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** A file of a tree, or null where it is removed. `id` stands for an object that is not written, such as a submodule. */
export type FileIn = { readonly mode: string; readonly content: string | Uint8Array; readonly id?: string };
export type Files = Readonly<Record<string, FileIn>>;
export type Edits = Readonly<Record<string, FileIn | null>>;

export type Stored = { readonly type: number; readonly bytes: Buffer; readonly id: string };
const TYPES = ["", "commit", "tree", "blob", "tag"];

export const file = (content: string | Uint8Array, mode = "100644"): FileIn => ({ mode, content });

export function stored(type: 1 | 2 | 3 | 4, content: string | Uint8Array): Stored {
  const bytes = Buffer.from(content as Uint8Array);
  const id = createHash("sha1").update(`${TYPES[type]} ${bytes.length}\0`).update(bytes).digest("hex");
  return { type, bytes, id };
}

/** Type in three bits, size in seven per byte; `size` may lie. */
export function head(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
}

export const entry = ({ type, bytes }: Pick<Stored, "type" | "bytes">): Buffer =>
  Buffer.concat([head(type, bytes.length), deflateSync(bytes)]);

/** A pack of raw entries; count and version may lie. */
export function packOf(entries: readonly Buffer[], count = entries.length, version = 2): Buffer {
  const top = Buffer.from("PACK\0\0\0\0\0\0\0\0", "latin1");
  top.writeUInt32BE(version, 4);
  top.writeUInt32BE(count, 8);
  const body = Buffer.concat([top, ...entries]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/** Entries as they come: mode, name, id. Sorted as git wants unless told. */
export type RawEntry = readonly [mode: string, name: string | Buffer, id: string];

export function treeBytes(entries: readonly RawEntry[], sorted = true): Buffer {
  const key = ([mode, name]: RawEntry) =>
    Buffer.concat([Buffer.from(name as string), Buffer.from(mode === "40000" ? "/" : "\0")]);
  const list = sorted ? entries.toSorted((a, b) => Buffer.compare(key(a), key(b))) : entries;
  return Buffer.concat(
    list.flatMap(([mode, name, id]) => [
      Buffer.from(`${mode} `),
      Buffer.from(name as string),
      Buffer.from([0]),
      Buffer.from(id, "hex"),
    ]),
  );
}

/** All objects of a tree, the root last. */
export function treeOf(files: Files): Stored[] {
  const folders = new Map<string, Map<string, FileIn>>();
  const entries: RawEntry[] = [];
  const objects: Stored[] = [];
  for (const [path, one] of Object.entries(files)) {
    const at = path.indexOf("/");
    if (at < 0) {
      const blob = stored(3, one.content);
      if (one.id === undefined) objects.push(blob);
      entries.push([one.mode, path, one.id ?? blob.id]);
      continue;
    }
    const folder = path.slice(0, at);
    folders.set(folder, (folders.get(folder) ?? new Map()).set(path.slice(at + 1), one));
  }
  for (const [name, inside] of folders) {
    const below = treeOf(Object.fromEntries(inside));
    objects.push(...below);
    entries.push(["40000", name, below.at(-1)?.id ?? ""]);
  }
  return [...objects, stored(2, treeBytes(entries))];
}

export function applyEdits(files: Files, edits: Edits): Files {
  const all: Record<string, FileIn> = { ...files };
  for (const [path, one] of Object.entries(edits)) {
    if (one === null) delete all[path];
    else all[path] = one;
  }
  return all;
}

export const WHO = "A <a@example.invalid> 1700000000 +0000";
export const commitOf = (tree: string, parents: readonly string[], more = ""): Stored =>
  stored(
    1,
    [`tree ${tree}`, ...parents.map((one) => `parent ${one}`), `author ${WHO}`, `committer ${WHO}`].join("\n") +
      `${more}\n\nx\n`,
  );

/** A bundle of version 2 over a pack; header lines as given. */
export function bundleFile(lines: readonly string[], pack: Uint8Array, signature = "# v2 git bundle"): Buffer {
  return Buffer.concat([Buffer.from(`${[signature, ...lines].join("\n")}\n\n`, "latin1"), pack]);
}

/** The plain case: one commit upon the base with these objects, its tip as refs/heads/change. */
export function bundleOf(base: string, objects: readonly Stored[], tip: Stored): Buffer {
  const unique = new Map([...objects, tip].map((one) => [one.id, one]));
  return bundleFile([`-${base} base`, `${tip.id} refs/heads/change`], packOf([...unique.values()].map(entry)));
}

/** What edits amount to as a bundle of one commit. */
export function editsAsBundle(base: { sha: string; files: Files }, edits: Edits): Buffer {
  const objects = treeOf(applyEdits(base.files, edits));
  return bundleOf(base.sha, objects, commitOf(objects.at(-1)?.id ?? "", [base.sha]));
}

/** A name as `git diff` writes it. */
export function quote(path: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\x20-\x7e]*$/.test(path) && !/["\\]/.test(path)) return path;
  const escapes: Readonly<Record<number, string>> = {
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
    34: '\\"',
    92: "\\\\",
  };
  const bytes = Array.from(
    Buffer.from(path),
    (byte) =>
      escapes[byte] ??
      (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`),
  );
  return `"${bytes.join("")}"`;
}

const linesOf = (content: string | Uint8Array): string[] =>
  Buffer.from(content as Uint8Array)
    .toString()
    .split(/(?<=\n)/)
    .filter((line) => line !== "");
const signed = (sign: string, lines: readonly string[]) =>
  lines.map((line) => `${sign}${line}${line.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`).join("");
const range = (count: number) => (count === 0 ? "0,0" : count === 1 ? "1" : `1,${count}`);

/** What edits amount to as a unified diff: each file replaced whole. */
export function editsAsDiff(files: Files, edits: Edits): string {
  return Object.entries(edits)
    .map(([path, now]) => diffOfFile(path, files[path], now ?? undefined))
    .join("");
}

function diffOfFile(path: string, old: FileIn | undefined, now: FileIn | undefined): string {
  const [a, b] = [quote(`a/${path}`), quote(`b/${path}`)];
  const [before, after] = [linesOf(old?.content ?? ""), linesOf(now?.content ?? "")];
  const same = old !== undefined && now !== undefined && before.join("") === after.join("");
  const out = [`diff --git ${a} ${b}\n`];
  if (old === undefined) out.push(`new file mode ${now?.mode}\n`);
  else if (now === undefined) out.push(`deleted file mode ${old.mode}\n`);
  else if (old.mode !== now.mode) out.push(`old mode ${old.mode}\nnew mode ${now.mode}\n`);
  if (same || before.length + after.length === 0) return out.join("");
  const kept = old !== undefined && now !== undefined && old.mode === now.mode ? ` ${old.mode}` : "";
  out.push(`index ${"1".repeat(7)}..${"2".repeat(7)}${kept}\n`);
  const name = (side: string) => (/[ \t]/.test(path) && !side.startsWith('"') ? `${side}\t` : side);
  out.push(`--- ${old === undefined ? "/dev/null" : name(a)}\n+++ ${now === undefined ? "/dev/null" : name(b)}\n`);
  out.push(`@@ -${range(before.length)} +${range(after.length)} @@\n`, signed("-", before), signed("+", after));
  return out.join("");
}
