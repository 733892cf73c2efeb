import { isAbsolute, relative, resolve } from "node:path";
import { nearest } from "../model/nearest.ts";
import { WhetstoneError } from "../model/error.ts";
import { SessionMode } from "../model/proposal.ts";

/** Inputs of the action, as `action.yml` lists them. */
export const INPUT_NAMES = ["target", "mode", "session", "dry-run", "config", "working-directory"] as const;
export type InputName = (typeof INPUT_NAMES)[number];

/** What the inputs say, with paths made absolute. */
export type LoopInputs = {
  readonly target: string | undefined;
  readonly mode: SessionMode;
  /** The recorded session that answers. */
  readonly recording: string | undefined;
  readonly dryRun: boolean;
  readonly config: string;
  /** Folder of the checked-out repository. */
  readonly folder: string;
};

/** Where inputs come from: `get` gives "" for one that is not set. */
export type InputSource = {
  readonly get: (name: InputName) => string;
  /** Every input of the step, known or not, in any letter case. */
  readonly given: readonly string[];
  /** The job's workspace, absolute. */
  readonly workspace: string;
};

/**
 * Reads and checks the inputs, each for itself and together, before anything is started.
 * @throws WhetstoneError `usage`
 */
export function readInputs({ get, given, workspace }: InputSource): LoopInputs {
  refuseUnknown(given);
  const folder = below(workspace, get("working-directory") || ".", "working-directory");
  const mode = parseMode(get("mode") || "analysis");
  const session = get("session");
  if (mode === "refinement" && session === "") {
    throw usage("`mode: refinement` needs the input `session`.", "Name a recorded session: `session: replay:FILE`.");
  }
  if (mode === "analysis" && session !== "") {
    throw usage(
      "`session` is set, but `mode: analysis` ends before a session.",
      "Set `mode: refinement` to use the session, or leave `session` out.",
    );
  }
  return {
    folder,
    mode,
    target: get("target") || undefined,
    recording: session === "" ? undefined : below(folder, parseSession(session), "session"),
    dryRun: parseFlag("dry-run", get("dry-run") || "false"),
    config: below(folder, get("config") || "whetstone.yaml", "config"),
  };
}

/** A mistyped `dry-run` must not start a run that writes. */
function refuseUnknown(given: readonly string[]): void {
  const known: readonly string[] = INPUT_NAMES;
  for (const name of given.map((word) => word.toLowerCase())) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw usage(
      `There is no input \`${name}\`.`,
      near === undefined ? `The inputs are ${known.join(", ")}.` : `Did you mean \`${near}\`?`,
    );
  }
}

function parseMode(text: string): SessionMode {
  const mode = SessionMode.safeParse(text);
  if (mode.success) return mode.data;
  throw usage(`\`mode: ${text}\` is no mode.`, "Use `analysis` or `refinement`.");
}

function parseSession(text: string): string {
  const file = /^replay:(.+)$/s.exec(text)?.[1];
  if (file !== undefined) return file;
  throw usage(
    `\`session: ${text}\` is not \`replay:FILE\`.`,
    "Name a recorded session; live sessions are not part of this version.",
  );
}

/** The spellings of YAML 1.2's core schema. */
function parseFlag(name: InputName, text: string): boolean {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  throw usage(`\`${name}: ${text}\` is neither true nor false.`, "Write `true` or `false`.");
}

/** A path that stays inside `folder`: the action works on what was checked out and on nothing else of the runner. */
function below(folder: string, path: string, name: InputName): string {
  const whole = resolve(folder, path);
  const way = relative(folder, whole);
  if (way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !isAbsolute(way)) return whole;
  throw usage(
    `\`${name}: ${path}\` leads out of ${name === "working-directory" ? "the workspace" : "`working-directory`"}.`,
    "Name a path inside it.",
  );
}

function usage(message: string, remedy: string): WhetstoneError {
  return new WhetstoneError("usage", message, { remedy });
}
