import { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { Digest } from "../model/json.ts";
import type { MadeIn } from "../loop/publish.ts";
import { type RelayRequest } from "../loop/relay.ts";
import { RELAY_JOBS, type RelayJob } from "../loop/relay-jobs.ts";
import { below, type InputSource, parseFlag, refuseUnknown, usage } from "./input-check.ts";

const ALL = ["dry-run", "config", "working-directory"] as const;
const HANDED_ON = ["dossier", "digest"] as const;
const ARTIFACT = ["artifact", "artifact-digest"] as const;

/** Inputs of the action of each job, as its `action.yml` lists them. */
export const RELAY_INPUTS = {
  gate: ["target", "token", ...ALL],
  evidence: [...HANDED_ON, ...ALL],
  session: [...HANDED_ON, "session", ...ALL],
  detect: [...HANDED_ON, ...ARTIFACT, ...ALL],
  validate: [...HANDED_ON, ...ARTIFACT, ...ALL],
  propose: [...HANDED_ON, ...ARTIFACT, "token", ...ALL],
  record: ["dossier", "needs", "token", ...ALL],
} as const satisfies Readonly<Record<RelayJob, readonly string[]>>;

/** What the inputs of a job say, with paths made absolute. */
export type RelayInputs = Pick<RelayRequest, "job" | "target" | "earlier" | "lost" | "dryRun" | "recording"> & {
  /** The artifact of the session that this job speaks of; undefined outside a workflow. */
  readonly artifact: MadeIn["artifact"] | undefined;
  /** Token for GitHub; undefined to work on the checked-out repository alone. */
  readonly token: string | undefined;
  readonly config: string;
  readonly folder: string;
};

/**
 * Reads and checks the inputs of a job before anything is started.
 * @throws WhetstoneError `usage`
 */
export function readRelayInputs(job: RelayJob, { get, given, workspace }: InputSource): RelayInputs {
  refuseUnknown(given, RELAY_INPUTS[job]);
  const folder = below(workspace, get("working-directory") || ".", "working-directory");
  const session = get("session");
  const token = get("token") || undefined;
  const artifact = artifactOf(get);
  if (job === "propose" && token !== undefined && artifact === undefined) {
    throw usage("`token` is set, but not `artifact`.", "Hand on id and digest of the session's artifact.");
  }
  const earlier = job === "gate" ? {} : job === "record" ? lastOf(get, workspace) : handedOn(get, workspace);
  return {
    job,
    folder,
    ...earlier,
    target: get("target") || undefined,
    token,
    artifact,
    recording: job === "session" ? below(folder, recordingOf(session), "session") : undefined,
    dryRun: parseFlag("dry-run", get("dry-run") || "false"),
    config: below(folder, get("config") || "whetstone.yaml", "config"),
  };
}

type Get = InputSource["get"];

/** The dossier of the job before, and the digest that came by another way than it. */
function handedOn(get: Get, workspace: string): Required<Pick<RelayInputs, "earlier">> {
  const path = need(get, "dossier", "Name the folder that the artifact of the job before was unpacked to.");
  const digest = need(get, "digest", "Hand on the output `digest` of the job before.");
  return { earlier: { path: below(workspace, path, "dossier"), digest } };
}

/** Both or none: an id without its digest proves nothing. */
function artifactOf(get: Get): MadeIn["artifact"] | undefined {
  const [id, digest] = [get("artifact"), get("artifact-digest").replace(/^sha256:/, "")];
  if (id === "" && digest === "") return undefined;
  const read = z.object({ id: z.coerce.number().int().positive(), digest: Digest }).safeParse({ id, digest });
  if (read.success) return read.data;
  throw usage(
    `\`artifact: ${id}\` with \`artifact-digest: ${digest}\` names no artifact.`,
    "Hand on `artifact-id` and `artifact-digest` of the session's upload.",
  );
}

/** `needs` as the runner writes it: each job's end and outputs. */
const Needs = z.record(
  z.string(),
  z.looseObject({ result: z.string(), outputs: z.record(z.string(), z.string()).optional() }),
);

/** The dossier of the job that came furthest, to be found below `dossier` by its digest, and a job that was lost. */
function lastOf(get: Get, workspace: string): Pick<RelayInputs, "earlier" | "lost"> {
  const folder = below(workspace, need(get, "dossier", "Name the folder with one dossier per job."), "dossier");
  const needs = parseNeeds(need(get, "needs", "Hand on `toJSON(needs)`."));
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
  return { earlier: { path: folder, digest }, ...(lost ? { lost } : {}) };
}

function parseNeeds(text: string): z.output<typeof Needs> {
  try {
    return Needs.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("usage", `\`needs\` is not what the runner writes: ${messageOf(error)}`, {
      remedy: "Set `needs: ${{ toJSON(needs) }}`.",
      cause: error,
    });
  }
}

function need(get: Get, name: string, remedy: string): string {
  const text = get(name);
  if (text !== "") return text;
  throw usage(`The input \`${name}\` is missing.`, remedy);
}

function recordingOf(session: string): string {
  const file = /^replay:(.+)$/s.exec(session)?.[1];
  if (file !== undefined) return file;
  throw usage(`\`session: ${session}\` is not \`replay:FILE\`.`, "Name a recorded session: `session: replay:FILE`.");
}
