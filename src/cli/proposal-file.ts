import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { readPart } from "../loop/dossier-parts.ts";
import type { Evidence } from "../model/finding.ts";
import { Proposal, SessionRecord } from "../model/proposal.ts";
import type { ValidationReport } from "../model/verdict.ts";
import { openDossier } from "../protect/dossier.ts";
import { readJson } from "../protect/files.ts";
import { dossierPath } from "./dossier-path.ts";

/** What a PROPOSAL argument may hold: a recorded session or a bound proposal, and what its dossier adds. */
export type NamedProposal = {
  readonly session?: SessionRecord;
  readonly proposal?: Proposal;
  readonly evidence?: Evidence;
  readonly validation?: ValidationReport;
};

const LARGEST_BYTES = 4 * 1024 * 1024;

/**
 * Reads a proposal from a recorded session, a `proposal.json` or a dossier's folder or id.
 * @throws WhetstoneError `session_invalid`, `not_found`, `dossier_mismatch`.
 */
export async function readProposal(named: string, cwd: string): Promise<NamedProposal> {
  const isFile = named.endsWith(".json");
  const path = isFile ? resolve(cwd, named) : await dossierPath(named, cwd);
  const folder = await stat(path).then(
    (found) => found.isDirectory(),
    () => !isFile,
  );
  if (folder) return fromDossier(path);
  const file = { path, limitBytes: LARGEST_BYTES, code: "session_invalid" } as const;
  const { schema } = await readJson({ ...file, schema: z.looseObject({ schema: z.string() }) });
  if (schema === "whetstone.proposal/1") return { proposal: await readJson({ ...file, schema: Proposal }) };
  return { session: await readJson({ ...file, schema: SessionRecord }) };
}

async function fromDossier(path: string): Promise<NamedProposal> {
  const dossier = await openDossier(path);
  const session = readPart(dossier, "session/record.json");
  const proposal = readPart(dossier, "proposal.json");
  const evidence = readPart(dossier, "evidence/evidence.json");
  const validation = readPart(dossier, "validation/report.json");
  return {
    ...(session ? { session } : {}),
    ...(proposal ? { proposal } : {}),
    ...(evidence ? { evidence } : {}),
    ...(validation ? { validation } : {}),
  };
}
