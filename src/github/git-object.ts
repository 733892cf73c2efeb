import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { BOT } from "./git-process.ts";

/** How a repository names its objects. */
export type ObjectFormat = "sha1" | "sha256";

/** An object to be stored, without its header. */
export type NewObject = { readonly type: "blob" | "tree" | "commit"; readonly bytes: Uint8Array };

/** An entry of a folder; `mode` as git stores it: 40000 a folder, 100644 a file. */
export type FolderEntry = { readonly mode: string; readonly name: string; readonly id: string };

/** The mode of a folder within a folder. */
export const FOLDER_MODE = "40000";

/** The format that ids of this length belong to. */
export function formatOf(id: string): ObjectFormat {
  return id.length === 64 ? "sha256" : "sha1";
}

/** The id that git gives to an object. */
export function objectId({ type, bytes }: NewObject, format: ObjectFormat): string {
  return createHash(format).update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A folder's entries from its bytes: `<mode> <name>\0<id>` each; bytes of a name that are not UTF-8 read as U+FFFD. */
export function readFolder(bytes: Buffer, format: ObjectFormat): readonly FolderEntry[] {
  const idLength = format === "sha256" ? 32 : 20;
  const entries: FolderEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    const id = bytes.toString("hex", end + 1, end + 1 + idLength);
    entries.push({ mode: bytes.toString("latin1", at, space), name: bytes.toString("utf8", space + 1, end), id });
    at = end + 1 + idLength;
  }
  return entries;
}

/** A folder in git's order: by the bytes of the names, a folder's as if it ended with a slash. */
export function folderObject(entries: Iterable<FolderEntry>): NewObject {
  const keyed = Array.from(entries, (entry) => ({
    key: Buffer.from(entry.mode === FOLDER_MODE ? `${entry.name}/` : entry.name),
    bytes: Buffer.concat([Buffer.from(`${entry.mode} ${entry.name}\0`), Buffer.from(entry.id, "hex")]),
  }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return { type: "tree", bytes: Buffer.concat(keyed.map(({ bytes }) => bytes)) };
}

/** What a commit says; `at` is its time in ns since the Unix epoch. */
export type CommitContent = {
  readonly tree: string;
  readonly parent: string | undefined;
  readonly message: string;
  readonly at: bigint;
};

/** A commit of Whetstone's own, as `git commit-tree` would write it. git stores no NUL in a message. */
export function commitObject({ tree, parent, message, at }: CommitContent): NewObject {
  const who = `${BOT.name} <${BOT.email}> ${at / 1_000_000_000n} +0000`;
  const head = [`tree ${tree}`, ...(parent === undefined ? [] : [`parent ${parent}`]), `author ${who}`];
  const text = `${head.join("\n")}\ncommitter ${who}\n\n${message.replaceAll("\0", "\ufffd")}\n`;
  return { type: "commit", bytes: Buffer.from(text) };
}

const PACK_TYPES = { commit: 1, tree: 2, blob: 3 } as const;

/** The objects as a pack (git's pack-format, version 2), not compressed: it lives for one pipe. */
export function packOf(objects: readonly NewObject[], format: ObjectFormat): Buffer {
  const head = Buffer.alloc(12);
  head.write("PACK", "latin1");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(objects.length, 8);
  const body = objects.flatMap(({ type, bytes }) => [
    packEntryHead(PACK_TYPES[type], bytes.length),
    deflateSync(bytes, { level: 0 }),
  ]);
  const pack = Buffer.concat([head, ...body]);
  return Buffer.concat([pack, createHash(format).update(pack).digest()]);
}

/** Type and size: four bits of the size in the first byte, seven in each that follows, the lowest first. */
function packEntryHead(type: number, size: number): Buffer {
  const head: number[] = [];
  let byte = (type << 4) | (size & 15);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    head.push(byte | 128);
    byte = rest & 127;
  }
  return Buffer.from([...head, byte]);
}
