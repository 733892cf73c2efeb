import { SessionMode } from "../model/proposal.ts";
import { below, type InputSource, parseFlag, refuseUnknown, usage } from "./input-check.ts";

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

/**
 * Reads and checks the inputs, each for itself and together, before anything is started.
 * @throws WhetstoneError `usage`
 */
export function readInputs({ get, given, workspace }: InputSource<InputName>): LoopInputs {
  refuseUnknown(given, INPUT_NAMES);
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
    "Name a recorded session: an action asks no model in this version.",
  );
}
