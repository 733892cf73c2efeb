import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { DossierManifest } from "../model/dossier.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import type { DossierFiles } from "../model/stage.ts";
import { digestOf, sha256 } from "./digest.ts";

/** Manifest fields that the writer states; files and digest are computed. */
export type DossierHead = Omit<DossierManifest, "schema" | "files" | "digest">;

const MANIFEST = "manifest.json";
/** Relative, below the dossier, no way out of it. */
const FilePath = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[\w./-]+$/);

/**
 * Writes a dossier as `<folder>/<id>/`: all files, then the manifest, then one rename, so that a reader sees all or nothing.
 * @throws WhetstoneError `write_failed`; nothing is left behind.
 */
export async function writeDossier(folder: string, head: DossierHead, files: DossierFiles): Promise<DossierManifest> {
  const manifest = describeFiles(head, files);
  const target = join(folder, head.id);
  const draft = join(folder, `.draft-${head.id}`);
  try {
    for (const [path, data] of [...files, [MANIFEST, `${JSON.stringify(manifest, undefined, 2)}\n`] as const]) {
      const file = join(draft, path);
      await mkdir(dirname(file), { recursive: true });
      await using handle = await open(file, "wx");
      await handle.writeFile(data);
      await handle.sync();
    }
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw new WhetstoneError("write_failed", `The dossier ${target} could not be written: ${messageOf(error)}.`, {
      remedy: "Free some disk space or choose another folder, then run again.",
      cause: error,
    });
  }
  return manifest;
}

function describeFiles(head: DossierHead, files: DossierFiles): DossierManifest {
  const listed = [...files]
    .map(([path, data]) => ({ path: FilePath.parse(path), sha256: sha256(data), bytes: Buffer.byteLength(data) }))
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
 * Opens a dossier and compares every file with the manifest, and the manifest with its own digest.
 * @throws WhetstoneError `not_found`, or `dossier_mismatch` naming the file that differs.
 */
export async function openDossier(path: string): Promise<OpenDossier> {
  const manifest = await readManifest(path);
  const contents = new Map<string, Uint8Array>();
  for (const file of manifest.files) {
    const data = await readFile(join(path, FilePath.parse(file.path))).catch((error: unknown) => {
      throw mismatch(path, file.path, `cannot be read: ${messageOf(error)}`, error);
    });
    if (sha256(data) !== file.sha256) throw mismatch(path, file.path, `has another SHA-256 than its manifest states`);
    contents.set(file.path, data);
  }
  return {
    manifest,
    bytes: (name) => contents.get(name),
    text: (name) => {
      const data = contents.get(name);
      return data === undefined ? undefined : new TextDecoder().decode(data);
    },
  };
}

async function readManifest(path: string): Promise<DossierManifest> {
  const text = await readFile(join(path, MANIFEST), "utf8").catch((error: unknown) => {
    throw new WhetstoneError("not_found", `There is no dossier at ${path}: ${messageOf(error)}.`, {
      remedy: "Name a folder below .whetstone/dossiers, or the id that `whetstone loop` printed.",
      cause: error,
    });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw mismatch(path, MANIFEST, `is not JSON: ${messageOf(error)}`, error);
  }
  const parsed = DossierManifest.safeParse(value);
  if (!parsed.success) throw mismatch(path, MANIFEST, `is not a manifest: ${z.prettifyError(parsed.error)}`);
  const { digest, ...body } = parsed.data;
  if (digestOf(body) !== digest) throw mismatch(path, MANIFEST, "does not match its own digest");
  return parsed.data;
}

function mismatch(dossier: string, file: string, what: string, cause?: unknown): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${join(dossier, file)} ${what}.`, {
    remedy: "The dossier was altered after it was written: fetch it again from where it was produced.",
    data: { file },
    cause,
  });
}
