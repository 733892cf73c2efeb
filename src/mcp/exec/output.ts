import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** What a stream said: its beginning and its end, and how much there was. */
export type Output = { readonly head: string; readonly tail: string; readonly bytes: number; readonly cut: boolean };

/** Keeps the first and the last characters of a stream, in constant memory. */
export function keepOutput(stream: Readable, most: number): () => Output {
  const decoder = new StringDecoder("utf8"); // a character may come in two chunks
  let [head, tail, bytes] = ["", "", 0];
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    const text = decoder.write(chunk);
    const room = Math.max(0, most - head.length);
    head += text.slice(0, room);
    tail = (tail + text.slice(room)).slice(-most);
  });
  return () => ({ head: head.toWellFormed(), tail: tail.toWellFormed(), bytes, cut: bytes > 2 * most });
}
