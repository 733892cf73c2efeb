import { visibleLines } from "./visible-lines.ts";

/** A command that a person wrote into a comment. */
export type WrittenCommand = {
  /** The word after `/whetstone`, in lower case; empty when there is none. */
  readonly word: string;
  /** What stands after the word, trimmed. */
  readonly rest: string;
};

const COMMAND = /^\/whetstone(?:[ \t]+(\S+)(.*))?[ \t]*$/;

/**
 * The commands of a comment, in order: lines that begin with `/whetstone`, unless they stand in a quote, a code block
 * or span, or an HTML comment.
 */
export function parseCommands(comment: string): readonly WrittenCommand[] {
  return visibleLines(comment)
    .map((line) => COMMAND.exec(line))
    .filter((match) => match !== null)
    .map(([, word = "", rest = ""]) => ({ word: word.toLowerCase(), rest: rest.trim() }));
}

/** Whether a comment holds a stop and no other command: it is let past everything else. */
export function isStopAlone(comment: string): boolean {
  const [only, ...others] = parseCommands(comment);
  return only?.word === "stop" && others.length === 0;
}
