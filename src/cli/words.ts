import { WhetstoneError } from "../model/error.ts";

/**
 * The words of a command in one text, as a shell splits them: quotes hold blanks together, a backslash takes the next
 * character as it is (within double quotes only `"` and `\`). Nothing is expanded and no shell runs.
 * @throws WhetstoneError `usage` when a quote is not closed or there is no word
 */
export function splitWords(text: string): readonly string[] {
  const words = [...text.matchAll(/(?:\\[^]|"(?:\\[^]|[^"\\])*"|'[^']*'|[^\s"'\\])+/g)].map(([word]) => word);
  // What the pattern leaves over is white space, or a quote or backslash that nothing follows.
  const isWhole = text.replace(/(?:\\[^]|"(?:\\[^]|[^"\\])*"|'[^']*'|[^\s"'\\])+/g, "").trim() === "";
  if (!isWhole || words.length === 0) {
    throw new WhetstoneError("usage", `"${text}" is no command.`, {
      remedy: "Write a program and its arguments, and close every quote.",
    });
  }
  return words.map(unquoted);
}

function unquoted(word: string): string {
  return word.replace(/\\([^])|"((?:\\[^]|[^"\\])*)"|'([^']*)'/g, (_all, ...groups: (string | undefined)[]) => {
    const [one, double, single] = groups;
    return one ?? single ?? (double ?? "").replace(/\\(["\\])/g, "$1");
  });
}
