import { isAbsolute, relative, resolve } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";

/** Where inputs come from: `get` gives "" for one that is not set. */
export type InputSource<Name extends string = string> = {
  readonly get: (name: Name) => string;
  /** Every input of the step, known or not, in any letter case. */
  readonly given: readonly string[];
  /** The job's workspace, absolute. */
  readonly workspace: string;
};

/** Names that an input had or has elsewhere, with the one it has here. */
const RENAMED: Readonly<Record<string, string>> = {
  "config-file": "config",
  "config-path": "config",
  cwd: "working-directory",
  dry_run: "dry-run",
  "github-token": "token",
  prompt: "question",
  budget: "budget-usd",
  "max-budget-usd": "budget-usd",
  "authorization-token": "authorization",
  digest: "needs",
  artifact: "needs",
  "artifact-digest": "needs",
};

/** A mistyped `dry-run` must not start a run that writes. @throws WhetstoneError `usage` */
export function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  for (const name of given.map((word) => word.toLowerCase())) {
    if (known.includes(name)) continue;
    const renamed = RENAMED[name];
    const near = renamed !== undefined && known.includes(renamed) ? renamed : nearest(name, known);
    throw usage(
      `There is no input \`${name}\`.`,
      near === undefined ? `The inputs are ${known.join(", ")}.` : `Did you mean \`${near}\`?`,
    );
  }
}

/** The spellings of YAML 1.2's core schema. @throws WhetstoneError `usage` */
export function parseFlag(name: string, text: string): boolean {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  throw usage(`\`${name}: ${text}\` is neither true nor false.`, "Write `true` or `false`.");
}

/**
 * A path that stays inside `folder`: the action works on what was checked out and on nothing else of the runner.
 * @throws WhetstoneError `usage`
 */
export function below(folder: string, path: string, name: string): string {
  const whole = resolve(folder, path);
  const way = relative(folder, whole);
  if (way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !isAbsolute(way)) return whole;
  throw usage(
    `\`${name}: ${path}\` leads out of ${name === "working-directory" ? "the workspace" : "`working-directory`"}.`,
    "Name a path inside it.",
  );
}

/** The error for an input that cannot be meant. */
export function usage(message: string, remedy: string): WhetstoneError {
  return new WhetstoneError("usage", message, { remedy });
}
