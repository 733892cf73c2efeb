import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { z } from "zod";
import { DossierManifest } from "../model/dossier.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { DossierFiles } from "../model/stage.ts";
import { digestOf, sha256 } from "./digest.ts";

/** Manifest fields that the writer states; files and digest are computed. */
export type DossierHead = Omit<DossierManifest, "schema" | "files" | "digest">;

const MANIFEST = "manifest.json";
/** Largest manifest that is read. */
const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024;
/** A name of its own: letters, digits, `.`, `_`, `-`, not starting with a point. */
const NAME = /^\w[\w.-]*$/;

/** Relative, below the dossier, no way out of it, not the manifest itself. */
function isFilePath(path: string): boolean {
  return path !== MANIFEST && path.split("/").every((part) => /^[\w.-]+$/.test(part) && !/^\.{1,2}$/.test(part));
}

/**
 * Writes a dossier as `<folder>/<id>/`: all files, then the manifest, then one rename, so that a reader sees all or nothing.
 * @throws WhetstoneError `write_failed`; nothing is left behind.
 */
export async function writeDossier(folder: string, head: DossierHead, files: DossierFiles): Promise<DossierManifest> {
  const manifest = describeFiles(head, files);
  const target = join(folder, head.id);
  const draft = join(folder, `${draftPrefix(head.id)}${randomUUID()}`);
  try {
    for (const [path, data] of [...files, [MANIFEST, formatManifest(manifest)] as const]) {
      const file = join(draft, path);
      await mkdir(dirname(file), { recursive: true });
      await using handle = await open(file, "wx");
      await handle.writeFile(data);
      await handle.sync();
    }
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined); // the first error tells more than this one
    throw new WhetstoneError("write_failed", `The dossier ${target} could not be written: ${messageOf(error)}.`, {
      remedy: "Free some disk space or choose another folder, then run again.",
      cause: error,
    });
  }
  return manifest;
}

/** Removes what a killed writer of the dossier `id` left half-written; a dossier that was written stays. */
export async function removeDrafts(folder: string, id: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  for (const name of names.filter((entry) => entry.startsWith(draftPrefix(id)))) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function draftPrefix(id: string): string {
  return `.draft-${id}-`;
}

function formatManifest(manifest: unknown): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** @throws WhetstoneError `write_failed` before anything was written, for a name that could lead out of the dossier */
function describeFiles(head: DossierHead, files: DossierFiles): DossierManifest {
  const refused = NAME.test(head.id) ? [...files.keys()].find((path) => !isFilePath(path)) : head.id;
  if (refused !== undefined) {
    throw new WhetstoneError("write_failed", `A dossier cannot hold ${JSON.stringify(refused)}.`, {
      remedy: "Use relative names of letters, digits, points, dashes and underscores.",
      data: { path: refused },
    });
  }
  const listed = [...files]
    .map(([path, data]) => ({ path, sha256: sha256(data), bytes: Buffer.byteLength(data) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const body = { schema: "whetstone.dossier/1" as const, ...head, files: listed };
  return { ...body, digest: digestOf(body) };
}

/** A dossier whose every file matches its manifest. */
export type OpenDossier = {
  readonly manifest: DossierManifest;
  /** Text of a file of the manifest; undefined when the dossier has no such file. */
  readonly text: (path: string) => string | undefined;
  readonly bytes: (path: string) => Uint8Array | undefined;
};

/**
 * Opens a dossier and compares every file with the manifest, and the manifest with its own digest. Files that stand
 * beside those of the manifest are not looked at.
 * @throws WhetstoneError `not_found`, or `dossier_mismatch` naming the file that differs, is no plain file of the
 * dossier (a link, a pipe) or could lead out of it.
 */
export async function openDossier(path: string): Promise<OpenDossier> {
  const root = await realpath(path).catch((error: unknown) => {
    throw notFound(path, error);
  });
  const manifest = await readManifest(path, root);
  const contents = new Map<string, Uint8Array>();
  for (const file of manifest.files) contents.set(file.path, await readMember({ path, root }, file));
  return {
    manifest,
    bytes: (name) => contents.get(name),
    text: (name) => {
      const data = contents.get(name);
      return data === undefined ? undefined : new TextDecoder().decode(data);
    },
  };
}

/** The folder as it was named, for messages, and as the system knows it. */
type Place = { readonly path: string; readonly root: string };

async function readMember({ path, root }: Place, file: DossierManifest["files"][number]): Promise<Uint8Array> {
  const fault = (what: string, cause?: unknown): WhetstoneError =>
    mismatch({ dossier: path, file: file.path, cause }, what);
  if (!isFilePath(file.path)) throw fault("is not the name of a file of a dossier");
  const data = await readPlain(root, file.path, file.bytes).catch((error: unknown) => {
    throw fault(`cannot be read: ${messageOf(error)}`, error);
  });
  if (data.length !== file.bytes) throw fault(`has not the ${file.bytes} bytes that its manifest states`);
  if (sha256(data) !== file.sha256) throw fault("has another SHA-256 than its manifest states");
  return data;
}

/** A plain file below the root, reached without a link; at most one byte more than the limit is read. */
async function readPlain(root: string, name: string, limitBytes: number): Promise<Uint8Array> {
  const real = await realpath(join(root, name));
  if (relative(root, real).split(sep).join("/") !== name) throw new Error("it is reached by a symbolic link");
  // Without O_NONBLOCK the opening of a pipe would wait for somebody who writes into it.
  await using handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!(await handle.stat()).isFile()) throw new Error("it is not a regular file");
  const chunks: Uint8Array[] = [];
  for await (const chunk of handle.createReadStream({ end: limitBytes, autoClose: false })) {
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

async function readManifest(path: string, root: string): Promise<DossierManifest> {
  const fault = (what: string, cause?: unknown): WhetstoneError =>
    mismatch({ dossier: path, file: MANIFEST, cause }, what);
  const data = await readPlain(root, MANIFEST, LARGEST_MANIFEST_BYTES).catch((error: unknown) => {
    throw codeOf(error) === "ENOENT" ? notFound(path, error) : fault(`cannot be read: ${messageOf(error)}`, error);
  });
  if (data.length > LARGEST_MANIFEST_BYTES) throw fault(`is larger than ${LARGEST_MANIFEST_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    throw fault(`is not JSON: ${messageOf(error)}`, error);
  }
  // A key given twice, or other white space, would not change the digest.
  if (formatManifest(value) !== new TextDecoder().decode(data)) throw fault("is not written as it was");
  const parsed = DossierManifest.safeParse(value);
  if (!parsed.success) throw fault(`is not a manifest: ${z.prettifyError(parsed.error)}`);
  const { digest, ...body } = parsed.data;
  if (digestOf(body) !== digest) throw fault("does not match its own digest");
  return parsed.data;
}

function notFound(path: string, cause: unknown): WhetstoneError {
  return new WhetstoneError("not_found", `There is no dossier at ${path}.`, {
    remedy: "Name a folder below .whetstone/dossiers, or the id that `whetstone loop` printed.",
    cause,
  });
}

type Member = { readonly dossier: string; readonly file: string; readonly cause?: unknown };

function mismatch({ dossier, file, cause }: Member, what: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${join(dossier, file)} ${what}.`, {
    remedy: "The dossier was altered after it was written: fetch it again from where it was produced.",
    data: { file },
    cause,
  });
}
