import type { z } from "zod";
import { Evidence } from "../../model/finding.ts";
import { Proposal, SessionRecord } from "../../model/proposal.ts";
import { ValidationReport } from "../../model/verdict.ts";
import { sha256 } from "../../protect/digest.ts";
import {
  failed,
  type Material,
  MATERIALS,
  passed,
  type WriteCheck,
  type WriteDeps,
  type WriteRequest,
} from "./request.ts";

/** The materials as what they are; the verdicts of the two jobs stay unread until it is their turn. */
export type Read = {
  readonly proposal: Proposal;
  readonly session: SessionRecord;
  readonly evidence: Evidence;
  readonly validation: ValidationReport;
};
export type Provenance = { readonly check: WriteCheck; readonly read?: Read };

/**
 * Where everything comes from: this repository, this run, this attempt, and byte for byte what the jobs before handed
 * over. GitHub's own digest of the artifact must be the one that its maker stated.
 * @throws WhetstoneError `api_failed`
 */
export async function provenance({ host }: Pick<WriteDeps, "host">, request: WriteRequest): Promise<Provenance> {
  const refused = (await artifactFault(host, request)) ?? materialFault(request);
  if (refused !== undefined) return { check: refused };
  const { proposal, session, evidence, validation } = request.materials;
  const read = {
    proposal: parse(proposal, Proposal),
    session: parse(session, SessionRecord),
    evidence: parse(evidence, Evidence),
    validation: parse(validation, ValidationReport),
  };
  const unread = Object.entries(read).find(([, value]) => value === undefined)?.[0];
  if (unread !== undefined) {
    return { check: failed("provenance", "artifact_foreign", `The material ${unread} is not of its documented form.`) };
  }
  const { id, digest } = request.artifact;
  const check = passed("provenance", `Artifact ${id} of this run and attempt, sha256 ${digest}.`);
  return { check, read: read as Read };
}

async function artifactFault(
  { artifacts, repository }: WriteDeps["host"],
  { artifact: expected, run }: WriteRequest,
): Promise<WriteCheck | undefined> {
  const foreign = (detail: string) => failed("provenance", "artifact_foreign", detail);
  const artifact = await artifacts.find(expected.id);
  if (artifact === undefined || artifact.expired) return foreign(`There is no artifact ${expected.id} (any more).`);
  if (artifact.runId !== run.id)
    return foreign(`Artifact ${expected.id} is of run ${artifact.runId ?? "none"}, this is ${run.id}.`);
  const { id } = await repository.facts();
  if (artifact.repositoryId !== id || artifact.headRepositoryId !== id) {
    return foreign(`Artifact ${expected.id} was made from code of another repository, such as a fork.`);
  }
  const attempt = (await repository.run(run.id))?.attempt;
  if (attempt !== run.attempt)
    return foreign(`Run ${run.id} is at attempt ${attempt ?? "none"}, this is ${run.attempt}.`);
  if (artifact.digest === expected.digest) return undefined;
  const detail = `GitHub states sha256 ${artifact.digest ?? "none"} for artifact ${expected.id}, its maker ${expected.digest}.`;
  return failed("provenance", "digest_mismatch", detail);
}

function materialFault({ materials }: WriteRequest): WriteCheck | undefined {
  const altered = MATERIALS.find((name) => sha256(materials[name].text) !== materials[name].digest);
  if (altered === undefined) return undefined;
  return failed(
    "provenance",
    "digest_mismatch",
    `The material ${altered} is not what the job that made it handed over.`,
  );
}

/** A material as a schema has it; undefined when it is no JSON or of another form. */
export function parse<Schema extends z.ZodType>({ text }: Material, schema: Schema): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller refuses it by name
  }
}
