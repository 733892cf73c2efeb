import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { concat, lineFramer, type Piece } from "../capture/framing.ts";
import { isOtlp } from "../capture/otlp/decode.ts";
import { fileFaultOf, messageOf, WhetstoneError } from "../model/error.ts";

/** A JSON document of a file; `line` is absent when the document is the whole file. */
export type JsonDocument = { readonly value: unknown; readonly line?: number };

/** A line or document is one string, and the engine's strings end near 2^29 characters. */
const LIMIT_BYTES = 500 * 1024 * 1024;

/**
 * The documents of a file: one per line when the first line is OTLP JSON by itself (read as a stream), else the whole
 * file as one. Gzip is told by its first bytes. Blank lines are skipped.
 * @throws WhetstoneError `input_unreadable` naming the file, and the line where there are lines; what came before the
 * bad line has been yielded
 */
export async function* jsonDocuments(path: string): AsyncGenerator<JsonDocument> {
  let whole: Uint8Array[] | undefined;
  let inLines = false;
  let line = 0;
  for await (const bytes of linesOf(path)) {
    line += 1;
    if (whole !== undefined) whole.push(bytes);
    else if (isBlank(bytes)) continue;
    else if (inLines) yield { value: parse(path, bytes, line), line };
    else {
      const first = otlpLine(bytes);
      if (first === undefined) whole = [bytes];
      else yield { value: first, line };
      inLines = first !== undefined;
    }
  }
  if (whole !== undefined) yield { value: parse(path, concat(whole, sum(whole))) };
}

/** The error for a file that cannot be read as what it should be. */
export function unreadable(
  path: string,
  why: string,
  more: { readonly line?: number | undefined; readonly cause?: unknown } = {},
): WhetstoneError {
  const { line, cause } = more;
  const where = line === undefined ? path : `${path}, line ${line}`;
  const kept =
    line === undefined ? "Nothing of it was stored." : "The lines before it are stored; none is stored twice.";
  return new WhetstoneError("input_unreadable", `${where}: ${why}.`, {
    remedy: `Give a complete OTLP, Tempo, Jaeger or Zipkin v2 JSON file and import again. ${kept}`,
    data: { path, ...(line !== undefined && { line }) },
    ...(cause !== undefined && { cause }),
  });
}

async function* linesOf(path: string): AsyncGenerator<Uint8Array> {
  const framer = lineFramer(LIMIT_BYTES);
  const complete = ({ bytes, whole }: Piece): Uint8Array => {
    if (!whole) throw unreadable(path, `a line is longer than ${LIMIT_BYTES} bytes`);
    return bytes;
  };
  try {
    for await (const chunk of (await openUnpacked(path)) as AsyncIterable<Uint8Array>) {
      for (const piece of framer.push(chunk)) yield complete(piece);
    }
  } catch (error) {
    throw error instanceof WhetstoneError ? error : unreadable(path, fileFaultOf(error), { cause: error });
  }
  for (const piece of framer.end()) yield complete(piece);
}

async function openUnpacked(path: string): Promise<Readable> {
  const head = new Uint8Array(2);
  await using file = await open(path);
  await file.read(head, 0, 2, 0);
  const raw = createReadStream(path);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return raw;
  const unpacked = createGunzip();
  raw.on("error", (error) => unpacked.destroy(error));
  return raw.pipe(unpacked);
}

/** The first line as a document, when it is OTLP JSON by itself. */
function otlpLine(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isOtlp(value) ? value : undefined;
  } catch {
    // The first line of a document that is spread over lines.
    return undefined;
  }
}

function parse(path: string, bytes: Uint8Array, line?: number): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw unreadable(path, `no complete JSON (${messageOf(error)})`, { line, cause: error });
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0);
}
