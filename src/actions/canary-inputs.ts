import type { GateSource, GateStep } from "../loop/gate-step.ts";
import { CommitSha } from "../model/json.ts";
import { parseDuration } from "../model/time.ts";
import { below, type InputSource, refuseUnknown, usage } from "./input-check.ts";

/** Inputs of the action, as its `action.yml` lists them. */
export const CANARY_INPUTS = [
  "target",
  "commit",
  "control",
  "experiment",
  "since",
  "deadline",
  "at-deadline",
  "dry-run",
  "config",
  "working-directory",
] as const;
export type CanaryInputName = (typeof CANARY_INPUTS)[number];

/** What the inputs say, with paths made absolute. */
export type CanaryInputs = Pick<GateStep, "target" | "sha" | "source" | "waitMinutes"> & {
  /** Whether a canary that is undecided at the deadline makes the job red. */
  readonly redAtDeadline: boolean;
  readonly config: string;
  readonly folder: string;
};

/** Six hours are the longest that a job of a hosted runner lasts. */
const LONGEST_MINUTES = 350;

/**
 * Reads and checks the inputs, each for itself and together.
 * @throws WhetstoneError `usage`
 */
export function readCanaryInputs({ get, given, workspace }: InputSource<CanaryInputName>): CanaryInputs {
  refuseUnknown(given, CANARY_INPUTS);
  const folder = below(workspace, get("working-directory") || ".", "working-directory");
  const commit = CommitSha.safeParse(get("commit").toLowerCase());
  if (!commit.success) throw usage(`\`commit: ${get("commit")}\` is no commit.`, "Give its 40 hexadecimal digits.");
  return {
    folder,
    target: get("target") || undefined,
    sha: commit.data,
    source: parseSource(get, folder),
    waitMinutes: parseWait(get("deadline") || "0s"),
    redAtDeadline: parseAtDeadline(get("at-deadline") || "reject"),
    config: below(folder, get("config") || "whetstone.yaml", "config"),
  };
}

type Get = InputSource<CanaryInputName>["get"];

/** Both files or none; a window belongs to the store alone. */
function parseSource(get: Get, folder: string): GateSource {
  const [control, experiment, since] = [get("control"), get("experiment"), get("since")];
  if (control === "" && experiment === "") {
    return { kind: "store", sinceMs: parseDuration(since || "0s") / 1e6 };
  }
  if (control === "" || experiment === "") {
    const lacking = control === "" ? "control" : "experiment";
    throw usage(
      `The input \`${lacking}\` is missing.`,
      "Name the calls of both versions, or neither to read the store.",
    );
  }
  if (since !== "") throw usage("`since` is of the store, but files are named.", "Leave one of them out.");
  return {
    kind: "files",
    control: below(folder, control, "control"),
    experiment: below(folder, experiment, "experiment"),
  };
}

function parseWait(text: string): number {
  const minutes = parseDuration(text) / 60e9;
  if (minutes <= LONGEST_MINUTES) return minutes;
  throw usage(`\`deadline: ${text}\` is longer than a job lasts.`, `Write at most ${LONGEST_MINUTES}m.`);
}

function parseAtDeadline(text: string): boolean {
  if (text === "reject") return true;
  if (text === "none") return false;
  throw usage(`\`at-deadline: ${text}\` is none of them.`, "Write `reject` or `none`.");
}
