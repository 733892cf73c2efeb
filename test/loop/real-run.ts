import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "../../src/config/env.ts";
import { executeLoop, type LoopEnd, type LoopRequest, type Watcher } from "../../src/loop/execute.ts";
import type { DossierManifest } from "../../src/model/dossier.ts";
import { openDossier, writeDossier, type OpenDossier } from "../../src/protect/dossier.ts";
import { openWorkspace, type Workspace } from "../../src/wire.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import type { SampleProject } from "../support/sample-project.ts";

export const ACTOR = { type: "person", id: "tester" } as const;
const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };

/** The sample project as the loop sees it. */
export function workspaceOf(project: SampleProject): Promise<Workspace> {
  return openWorkspace({ cwd: project.root }, parseEnv(process.env));
}

/** One real run of the loop on the sample project, in this process. */
export function runOn(project: SampleProject, request: Partial<LoopRequest>): Promise<LoopEnd> {
  const common = {
    places: { cwd: project.root },
    env: parseEnv(process.env),
    actor: ACTOR,
    target: undefined,
  } as const;
  return executeLoop({ ...common, mode: "refinement", recording: undefined, dryRun: false, ...request }, watcher);
}

/** The files of a dossier by path, as bytes. */
export async function filesOf(dossier: string): Promise<Map<string, Uint8Array>> {
  const entries = await readdir(dossier, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = new Map<string, Uint8Array>();
  for (const path of paths.sort()) files.set(path.slice(dossier.length + 1), await readFile(path));
  return files;
}

/** What a forger changes: a file's new content by path, `null` to leave it out; and fields of the manifest. */
export type Forgery = {
  readonly files?: Readonly<Record<string, string | Uint8Array | null>>;
  readonly manifest?: Partial<DossierManifest>;
};

/** The contents of a dossier after a forgery, without its manifest, and the head of the forged manifest. */
async function forgedParts(dossier: string, { files = {}, manifest = {} }: Forgery) {
  const contents = new Map<string, string | Uint8Array>(await filesOf(dossier));
  const text = Buffer.from(contents.get("manifest.json") ?? "").toString("utf8");
  contents.delete("manifest.json");
  for (const [path, content] of Object.entries(files)) {
    if (content === null) contents.delete(path);
    else contents.set(path, content);
  }
  return { contents, manifest: { ...(JSON.parse(text) as DossierManifest), ...manifest } };
}

/** Writes a copy of a dossier with other contents, whose every digest fits, below `folder`; its path. */
export async function writeForged(folder: string, dossier: string, forgery: Forgery): Promise<string> {
  const { contents, manifest } = await forgedParts(dossier, forgery);
  const { files: _files, digest: _digest, schema: _schema, ...head } = manifest;
  await writeDossier(folder, head, contents);
  return join(folder, head.id);
}

/** Such a copy, written and opened as any other. */
export async function forge(dossier: string, forgery: Forgery): Promise<OpenDossier> {
  await using folder = await temporaryFolder();
  return await openDossier(await writeForged(folder.path, dossier, forgery));
}

/** The same without a disk, for many of them. */
export async function forgeInMemory(dossier: string, forgery: Forgery): Promise<OpenDossier> {
  const { contents, manifest } = await forgedParts(dossier, forgery);
  const bytes = (path: string): Uint8Array | undefined => {
    const content = contents.get(path);
    return content === undefined ? undefined : Buffer.from(content as string);
  };
  const text = (path: string): string | undefined => {
    const content = bytes(path);
    return content && new TextDecoder().decode(content);
  };
  return { manifest, bytes, text };
}
