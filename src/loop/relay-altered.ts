import type { OpenDossier } from "../protect/dossier.ts";
import { digestOf } from "../protect/digest.ts";
import { RELAY_FILE, unpackCarried } from "./relay-state.ts";

/**
 * What of a dossier is another one in the dossier of a later job; undefined when that only added to it. A job that executes
 * a change can be made to hand on anything: what jobs before it found out is believed only as they left it themselves.
 * Returns the path of a file, or a word for a part of the manifest.
 * @throws WhetstoneError `dossier_mismatch` for what does not hold what it should
 */
export function alteredSince(before: OpenDossier, later: OpenDossier): string | undefined {
  const { run, target, baseSha, stages, files } = before.manifest;
  const of = later.manifest;
  if (of.run !== run || of.target !== target || of.baseSha !== baseSha) return "run";
  if (digestOf(of.stages.slice(0, stages.length)) !== digestOf(stages)) return "list of stages";
  const digests = new Map(of.files.map(({ path, sha256 }) => [path, sha256]));
  const altered = files.find(({ path, sha256 }) => path !== RELAY_FILE && digests.get(path) !== sha256);
  if (altered !== undefined) return altered.path;
  return digestOf(handedOn(before)) === digestOf(handedOn(later)) ? undefined : RELAY_FILE;
}

/** What no later job has to say anything about. */
function handedOn(dossier: OpenDossier) {
  const { captured, replayed, spent, steps } = unpackCarried(dossier);
  return {
    results: [...(captured?.results ?? [])],
    replayed: replayed ?? null,
    spent: spent ?? null,
    detect: steps?.detect ?? null,
  };
}
