import { Buffer } from "node:buffer";

/** A line is cut into pieces of so many bytes. */
const PIECE = 64;

/** How many bytes a file has in pieces of the same content, by piece. */
export type Pieces = { readonly size: number; readonly bytes: ReadonlyMap<string, number> };

/** A file as git compares it for renames: lines, cut into pieces of 64 bytes (`diffcore-delta.c`). */
export function piecesOf(content: Uint8Array): Pieces {
  const text = Buffer.from(content).toString("latin1");
  const bytes = new Map<string, number>();
  for (const line of text === "" ? [] : text.split(/(?<=\n)/)) {
    for (let at = 0; at < line.length; at += PIECE) {
      const piece = line.slice(at, at + PIECE);
      bytes.set(piece, (bytes.get(piece) ?? 0) + piece.length);
    }
  }
  return { size: text.length, bytes };
}

/** Share of the larger file that the other one has too, from 0 to 1: what git calls the similarity of a rename. */
export function similarity(one: Pieces, other: Pieces): number {
  const larger = Math.max(one.size, other.size);
  if (larger === 0) return 0;
  let common = 0;
  for (const [piece, bytes] of one.bytes) common += Math.min(bytes, other.bytes.get(piece) ?? 0);
  return common / larger;
}
