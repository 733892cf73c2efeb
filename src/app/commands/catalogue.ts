import { WhetstoneError } from "../../model/error.ts";
import { nearest } from "../../model/nearest.ts";
import type { AppCommand } from "../command.ts";
import type { WrittenCommand } from "../commands.ts";
import { analyze } from "./analyze.ts";
import { approve } from "./approve.ts";
import { canary } from "./canary.ts";
import { explain } from "./explain.ts";
import { help } from "./help.ts";
import { promote } from "./promote.ts";
import { refine } from "./refine.ts";
import { resume } from "./resume.ts";
import { rollback } from "./rollback.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { validate } from "./validate.ts";

/** Every word that the App understands, in the order of a proposal's life. */
export const COMMANDS: readonly AppCommand[] = [
  analyze,
  refine,
  validate,
  approve,
  canary,
  promote,
  rollback,
  status,
  explain,
  stop,
  resume,
  help,
];

/**
 * The command of a comment.
 * @throws WhetstoneError `usage` for an unknown word, naming the nearest, for a place where it makes no sense, and for
 * more than one command
 */
export function commandOf(written: readonly WrittenCommand[], { isPull }: { readonly isPull: boolean }): AppCommand {
  const [first, ...others] = written;
  if (first === undefined || others.length > 0) {
    throw new WhetstoneError("usage", `The comment holds ${written.length} commands.`, {
      remedy: "Write one command per comment.",
    });
  }
  const command = first.word === "" ? help : commandNamed(first.word);
  if (command.on === "anything" || isPull) return command;
  throw new WhetstoneError("usage", `"${first.word}" is about a pull request, and this is an issue.`, {
    remedy: "Write it on the pull request that it is about.",
  });
}

/** The command of a word. @throws WhetstoneError `usage`, naming the nearest */
export function commandNamed(word: string): AppCommand {
  const found = COMMANDS.find((one) => one.word === word);
  if (found !== undefined) return found;
  const known = COMMANDS.map((one) => one.word);
  const near = nearest(word, known);
  const hint = near === undefined ? `Known words: ${known.join(", ")}.` : `Did you mean "/whetstone ${near}"?`;
  throw new WhetstoneError("usage", `There is no command "${word.slice(0, 60)}".`, { remedy: hint });
}
