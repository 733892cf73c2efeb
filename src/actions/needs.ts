import { z } from "zod";
import type { MadeIn } from "../loop/publish.ts";
import { RELAY_JOBS, type RelayJob } from "../loop/relay-jobs.ts";
import type { RelayRequest } from "../loop/relay-request.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { Digest } from "../model/json.ts";
import { usage } from "./input-check.ts";

/** `needs` as the runner writes it: each job's end and outputs. */
const Needs = z.record(
  z.string(),
  z.looseObject({ result: z.string(), outputs: z.record(z.string(), z.string()).optional() }),
);
export type Needs = z.output<typeof Needs>;

/** What a job was told by the jobs before it, by another way than the dossier. */
export type Told = {
  /** Digest of the dossier to go on with. */
  readonly digest: string;
  /** Digest of the dossier that the job `detect` left, for the jobs behind `validate`. */
  readonly detected: string | undefined;
  /** Digest of the order that the gate gave. */
  readonly order: string | undefined;
  /** The artifact of the job `session`. */
  readonly artifact: MadeIn["artifact"] | undefined;
};

/** Reads the input. @throws WhetstoneError `usage` */
export function parseNeeds(text: string): Needs {
  try {
    return Needs.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("usage", `\`needs\` is not what the runner writes: ${messageOf(error)}`, {
      remedy: "Set `needs: ${{ toJSON(needs) }}`.",
      cause: error,
    });
  }
}

/**
 * What the job before announced, with the gate's order and the session's artifact where the job needs those jobs.
 * @throws WhetstoneError `usage` when the job before is not among them or announced nothing
 */
export function toldBy(needs: Needs, job: Exclude<RelayJob, "gate" | "record">): Told {
  const before = RELAY_JOBS[RELAY_JOBS.indexOf(job) - 1] ?? "gate";
  const digest = needs[before]?.outputs?.["digest"] ?? "";
  if (!Digest.safeParse(digest).success) {
    throw usage(`\`needs\` holds no digest of the job \`${before}\`.`, `List \`${before}\` in the job's \`needs\`.`);
  }
  const detected = job === "propose" ? detectedIn(needs) : undefined;
  if (job === "propose" && detected === undefined) {
    throw usage("`needs` holds no digest of the job `detect`.", "List `detect` in the job's `needs`.");
  }
  return { digest, detected, order: orderIn(needs), artifact: artifactIn(needs) };
}

/** The dossier of the job that came furthest, and a job that was lost. @throws WhetstoneError `usage` */
export function toldByAll(needs: Needs): Omit<Told, "artifact"> & Pick<RelayRequest, "lost"> {
  // A job that failed after its stage may have handed nothing on.
  const done = RELAY_JOBS.filter((job) => needs[job]?.result === "success").filter(
    (job) => Digest.safeParse(needs[job]?.outputs?.["digest"]).success,
  );
  const furthest = done.at(-1);
  if (furthest === undefined) {
    const gate = needs["gate"]?.result ?? "missing";
    throw usage(`No job left a dossier; \`gate\` ended as ${gate}.`, "The job `gate` says why in its summary.");
  }
  const digest = needs[furthest]?.outputs?.["digest"] ?? "";
  const lost = RELAY_JOBS.map((job) => ({ job, result: needs[job]?.result ?? "skipped" })).find(
    ({ result }) => result !== "success" && result !== "skipped",
  );
  const isAfter = RELAY_JOBS.indexOf(furthest) > RELAY_JOBS.indexOf("detect");
  const detected = isAfter ? detectedIn(needs) : undefined;
  return { digest, detected, order: orderIn(needs), ...(lost ? { lost } : {}) };
}

function detectedIn(needs: Needs): string | undefined {
  return Digest.safeParse(needs["detect"]?.outputs?.["digest"]).data;
}

function orderIn(needs: Needs): string | undefined {
  return needs["gate"]?.outputs?.["order"] || undefined;
}

/** Both or none: an id without its digest proves nothing. */
function artifactIn(needs: Needs): MadeIn["artifact"] | undefined {
  const { artifact: id = "", "artifact-digest": stated = "" } = needs["session"]?.outputs ?? {};
  const digest = stated.replace(/^sha256:/, "");
  if (id === "" && digest === "") return undefined;
  const read = z.object({ id: z.coerce.number().int().positive(), digest: Digest }).safeParse({ id, digest });
  if (read.success) return read.data;
  throw usage(
    `The job \`session\` handed on the artifact ${id} with the digest ${stated}, which names none.`,
    "Its outputs are `artifact-id` and `artifact-digest` of its upload.",
  );
}
