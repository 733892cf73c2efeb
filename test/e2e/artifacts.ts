import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join, matchesGlob } from "node:path";
import { z } from "zod";
import type { Backend } from "../support/github-extra.ts";

/** The run that artifacts are made in. */
export type ArtifactRun = { readonly runId: number; readonly repositoryId: number };

/** What was kept: its name, id, and folder. */
export type Kept = { readonly id: number; readonly name: string; readonly folder: string };

/** The service that artifacts of a run are given to and taken from. */
export type ArtifactService = AsyncDisposable & { readonly url: string; readonly kept: readonly Kept[] };

const Upload = z.object({ name: z.string().min(1), path: z.string() });
const Download = z.object({ id: z.string(), pattern: z.string(), path: z.string() });

/**
 * Artifacts as jobs see them: names are unique in a run, nothing is overwritten, one id comes as its contents and a
 * pattern as a folder for each name. GitHub's API knows each with its digest.
 */
export async function startArtifacts(folder: string, backend: Backend, run: ArtifactRun): Promise<ArtifactService> {
  const kept: Kept[] = [];
  const upload = async ({ name, path }: z.output<typeof Upload>): Promise<object> => {
    if (kept.some((one) => one.name === name)) throw new Error(`there is an artifact ${name} already`);
    const id = kept.length + 1;
    const own = join(folder, String(id));
    await cp(path, own, { recursive: true });
    kept.push({ id, name, folder: own });
    const digest = await digestOf(own);
    backend.artifacts.set(id, { meta: describe({ id, name, digest, run }), bytes: new Uint8Array() });
    return { id, digest };
  };
  const download = async ({ id, pattern, path }: z.output<typeof Download>): Promise<object> => {
    const ids = id.split(",");
    const wanted = kept.filter((one) => (id === "" ? matches(pattern, one.name) : ids.includes(String(one.id))));
    if (id !== "" && wanted.length < ids.length) throw new Error(`there is no artifact ${id}`);
    await mkdir(path, { recursive: true });
    // As the original: one that is named alone comes without a folder of its own.
    const isAlone = id !== "" && ids.length === 1;
    for (const one of wanted) await cp(one.folder, isAlone ? path : join(path, one.name), { recursive: true });
    return { taken: wanted.length };
  };
  const server = createServer((request, response) => {
    const answer = async (): Promise<object> => {
      const body: unknown = JSON.parse(await textOf(request));
      return request.url === "/artifacts" ? await upload(Upload.parse(body)) : await download(Download.parse(body));
    };
    answer().then(
      (value) => response.writeHead(200).end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(409).end(JSON.stringify({ message: String(error) })),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    kept,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function matches(pattern: string, name: string): boolean {
  return matchesGlob(name, pattern);
}

type Described = { readonly id: number; readonly name: string; readonly digest: string; readonly run: ArtifactRun };

function describe({ id, name, digest, run }: Described): Record<string, unknown> {
  const { runId, repositoryId } = run;
  const workflow = { id: runId, repository_id: repositoryId, head_repository_id: repositoryId };
  return { id, name, size_in_bytes: 1, expired: false, digest: `sha256:${digest}`, workflow_run: workflow };
}

/** SHA-256 over names and bytes of all files, in order. */
async function digestOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(folder, { recursive: true })).toSorted()) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined); // a folder
    hash.update(`${name}\0${bytes?.length ?? -1}\0`).update(bytes ?? "");
  }
  return hash.digest("hex");
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
