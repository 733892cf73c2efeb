import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import type { ErrorCode } from "../model/codes.ts";
import { fileFaultOf, messageOf, WhetstoneError } from "../model/error.ts";
import { jsonFault } from "./json-fault.ts";

/** What a file is to hold; a stream is written as it comes, so that a large file costs no memory. */
export type FileContent = string | Uint8Array | AsyncIterable<string>;

/**
 * Writes a file whole: a reader sees the old content or the new one, never a part, also after a crash. Missing folders
 * are made; a symbolic link at `path` is replaced. A killed process may leave a file `.<name>.<uuid>.tmp` beside it.
 * `mode` (less the umask) holds from the first byte on.
 * @throws WhetstoneError `write_failed` naming path and cause, or the one that the stream ended with; nothing
 * half-written is left.
 */
export async function writeFileWhole(
  path: string,
  data: FileContent,
  { mode = 0o666 }: { readonly mode?: number } = {},
): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(draft, data, mode);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined); // the first error tells more than one while tidying up
    if (cause instanceof WhetstoneError) throw cause;
    throw new WhetstoneError("write_failed", `${path} could not be written: ${messageOf(cause)}.`, {
      remedy: "Check that the folder exists, may be written to and has space left; the file is as it was before.",
      cause,
      data: { path },
    });
  }
}

async function writeDurably(path: string, data: FileContent, mode: number): Promise<void> {
  await using handle = await open(path, "wx", mode);
  await handle.writeFile(data);
  await handle.sync();
}

/** Makes a rename in the folder durable, where the platform lets folders be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(path, "r");
  await handle.sync();
}

/** A JSON file to read: what it must be, how large it may be, and the error code if it is not so. */
export type JsonFile<Schema extends z.ZodType> = {
  readonly path: string;
  readonly schema: Schema;
  readonly limitBytes: number;
  readonly code: ErrorCode;
};

/**
 * Reads a JSON file against a schema.
 * @throws WhetstoneError with the given code when the file is missing, too large, not JSON (with line and column) or of
 * another shape (with the path of the first wrong field).
 */
export async function readJson<Schema extends z.ZodType>(file: JsonFile<Schema>): Promise<z.output<Schema>> {
  const text = await readLimited(file);
  const parsed = file.schema.safeParse(parseText(file, text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue === undefined || issue.path.length === 0 ? "the whole" : `field ${fieldName(issue.path)}`;
  throw unreadable(file, `${field} is wrong: ${issue?.message ?? "it does not fit"}`, { cause: parsed.error });
}

function parseText(file: JsonFile<z.ZodType>, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const fault = jsonFault(text);
    const where =
      fault === undefined ? messageOf(cause) : `line ${fault.line}, column ${fault.column}: ${fault.detail}`;
    throw unreadable(file, `it is not JSON; ${where}`, { cause });
  }
}

async function readLimited(file: JsonFile<z.ZodType>): Promise<string> {
  const bytes = await readBytes(file);
  if (bytes.length > file.limitBytes) throw unreadable(file, `it is larger than ${file.limitBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(file, "it is not UTF-8", { cause });
  }
}

/** At most one byte more than the limit, so that a huge file costs no memory. */
async function readBytes(file: JsonFile<z.ZodType>): Promise<Uint8Array> {
  try {
    await using handle = await open(file.path, "r");
    if (!(await handle.stat()).isFile()) throw new Error("it is not a regular file");
    const chunks: Buffer[] = [];
    for await (const chunk of handle.createReadStream({ end: file.limitBytes, autoClose: false })) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    throw unreadable(file, fileFaultOf(cause), { cause });
  }
}

/** `answer.findings[0]` from the path of a schema issue. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}

function unreadable(
  file: JsonFile<z.ZodType>,
  why: string,
  options: { readonly cause?: unknown } = {},
): WhetstoneError {
  return new WhetstoneError(file.code, `${file.path} cannot be read: ${why}.`, {
    ...options,
    remedy: "Check the path, and that the file is complete and of the stated format.",
    data: { path: file.path },
  });
}
