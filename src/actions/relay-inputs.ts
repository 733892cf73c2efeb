import type { MadeIn } from "../loop/publish.ts";
import type { RelayJob } from "../loop/relay-jobs.ts";
import type { RelayRequest } from "../loop/relay-request.ts";
import { ASKED_INPUTS, readAsked } from "./asked.ts";
import { below, type InputSource, parseFlag, refuseUnknown, usage } from "./input-check.ts";
import { parseNeeds, toldBy, toldByAll } from "./needs.ts";

const ALL = ["dry-run", "config", "working-directory"] as const;
const HANDED_ON = ["dossier", "needs"] as const;

/** Inputs of the action of each job, as its `action.yml` lists them. */
export const RELAY_INPUTS = {
  gate: ["target", ...ASKED_INPUTS, "token", ...ALL],
  evidence: [...HANDED_ON, "stopped", ...ALL],
  session: [...HANDED_ON, "stopped", ...ALL],
  detect: [...HANDED_ON, "stopped", ...ALL],
  validate: [...HANDED_ON, "stopped", ...ALL],
  propose: [...HANDED_ON, "token", ...ALL],
  record: [...HANDED_ON, "token", ...ALL],
} as const satisfies Readonly<Record<RelayJob, readonly string[]>>;

/** What the inputs of a job say, with paths made absolute. */
export type RelayInputs = Pick<
  RelayRequest,
  "job" | "target" | "earlier" | "lost" | "dryRun" | "asked" | "authorization" | "order" | "stopped"
> & {
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
  refuseGates(job, given);
  refuseUnknown(given, RELAY_INPUTS[job]);
  const folder = below(workspace, get("working-directory") || ".", "working-directory");
  const token = get("token") || undefined;
  const read = {
    job,
    folder,
    artifact: undefined,
    ...(job === "gate" ? readAsked(get, folder) : handedOn(job, get, workspace)),
    target: get("target") || undefined,
    token,
    stopped: get("stopped") === "" ? undefined : parseFlag("stopped", get("stopped")),
    dryRun: parseFlag("dry-run", get("dry-run") || "false"),
    config: below(folder, get("config") || "whetstone.yaml", "config"),
  };
  if (job === "propose" && token !== undefined && read.artifact === undefined) {
    throw usage("`token` is set, but `needs` names no artifact.", "List `session` in the job's `needs`.");
  }
  return read;
}

/** What is asked for is said once, to the gate; it carries it over to the other jobs. */
function refuseGates(job: RelayJob, given: readonly string[]): void {
  const own: readonly string[] = RELAY_INPUTS[job];
  const gates: readonly string[] = [...ASKED_INPUTS, "target"];
  const name = given.map((word) => word.toLowerCase()).find((word) => !own.includes(word) && gates.includes(word));
  if (name === undefined) return;
  throw usage(`The job ${job} takes no input \`${name}\`.`, "Set it on the job gate, which hands it on.");
}

type Get = InputSource["get"];

/** The dossier to go on with, and what was said of it by another way than it. */
function handedOn(job: Exclude<RelayJob, "gate">, get: Get, workspace: string) {
  const path = need(get, "dossier", "Name the folder that the artifact of the job before was unpacked to.");
  const needs = parseNeeds(need(get, "needs", "Set `needs: ${{ toJSON(needs) }}`."));
  const { digest, detected, ...told } = job === "record" ? toldByAll(needs) : toldBy(needs, job);
  return { ...told, earlier: { path: below(workspace, path, "dossier"), digest, ...(detected ? { detected } : {}) } };
}

function need(get: Get, name: string, remedy: string): string {
  const text = get(name);
  if (text !== "") return text;
  throw usage(`The input \`${name}\` is missing.`, remedy);
}
