import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { openDossier, type OpenDossier } from "../protect/dossier.ts";
import type { RelayJob } from "./relay-jobs.ts";
import type { RelayRequest } from "./relay-request.ts";
import { alteredSince } from "./relay-altered.ts";
import { recompute } from "./replay.ts";

type Earlier = NonNullable<RelayRequest["earlier"]>;

/**
 * The dossier of the last job, if it is the one that was announced and came as far as this job needs.
 * @throws WhetstoneError `dossier_mismatch`, `usage`
 */
export async function openEarlier({
  job,
  earlier,
}: Pick<RelayRequest, "job" | "earlier">): Promise<OpenDossier | undefined> {
  if (job === "gate") return undefined;
  if (earlier === undefined) {
    throw new WhetstoneError("usage", `The job ${job} was given no dossier to go on with.`, {
      remedy: "Give it the folder and the digest that the job before it left.",
    });
  }
  if (job === "record") return await furthestUnaltered(earlier);
  const dossier = await openDossier(await folderOf(earlier));
  const { digest, stages } = dossier.manifest;
  if (digest !== earlier.digest) {
    throw refused(
      `is not the dossier that was announced: its digest is ${digest}, not ${earlier.digest}`,
      earlier.path,
    );
  }
  const last = stages.at(-1);
  const before = BEFORE[job];
  if (last?.stage !== before || last.verdict !== "pass") {
    const stands = last === undefined ? "before its first stage" : `at ${last.stage} (${last.verdict})`;
    throw refused(`stands ${stands}; ${job} goes on from a passed ${before}`, earlier.path);
  }
  if (job === "propose") await assertAsRead(dossier, earlier);
  // What writes believes no verdict of another machine: it follows from what was recorded, or nothing is written.
  const wrong = job === "propose" ? recompute(dossier).find(({ equal }) => !equal) : undefined;
  if (wrong) throw refused(`holds ${wrong.file}, which does not follow from what is recorded there`, earlier.path);
  return dossier;
}

/** The folder, or the one below it, whose manifest states the announced digest; whether it holds is seen when it is opened. */
async function folderOf({ path, digest }: Earlier): Promise<string> {
  for (const folder of await foldersIn(path)) {
    const manifest = await readFile(join(folder, "manifest.json"), "utf8").catch(() => "");
    if (manifest.includes(`"digest": "${digest}"`)) return folder;
  }
  return path;
}

/** The job `validate` executed the change: what was read before holds as the job `detect` announced it, or nothing is written. */
async function assertAsRead(dossier: OpenDossier, { path, detected }: Earlier): Promise<void> {
  if (detected === undefined) {
    throw new WhetstoneError("usage", "The job propose was not told what the job detect had read.", {
      remedy: "List `detect` in the job's `needs`, and hand on its dossier too.",
    });
  }
  const altered = alteredSince(await findDossier({ path, digest: detected }), dossier);
  if (altered !== undefined) throw refused(`holds another ${altered} than the job detect had read`, path);
}

/** The dossier that was announced last; that of the job `detect` where a later one took back what that had left. */
async function furthestUnaltered({ path, digest, detected }: Earlier): Promise<OpenDossier> {
  const furthest = await findDossier({ path, digest });
  if (detected === undefined || detected === digest) return furthest;
  const read = await findDossier({ path, digest: detected });
  return alteredSince(read, furthest) === undefined ? furthest : read;
}

/** The dossier with this digest among those in a folder, or the folder itself. */
async function findDossier({ path, digest }: Pick<Earlier, "path" | "digest">): Promise<OpenDossier> {
  for (const folder of await foldersIn(path)) {
    // What is no dossier, or a damaged one, cannot be the one that was announced.
    const dossier = await openDossier(folder).catch(() => undefined);
    if (dossier?.manifest.digest === digest) return dossier;
  }
  throw refused(`holds no whole dossier with the digest ${digest} that was announced`, path);
}

async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw refused(`cannot be read: ${messageOf(error)}`, path);
  });
  return [path, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))];
}

/** The stage that must have passed before a job. */
const BEFORE: Readonly<Record<Exclude<RelayJob, "gate" | "record">, string>> = {
  evidence: "gate",
  session: "analyze",
  detect: "session",
  validate: "detect",
  propose: "validate",
};

function refused(why: string, path: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${path} ${why}.`, {
    remedy: "Run the whole workflow again; do not mix parts of different runs or attempts.",
  });
}
