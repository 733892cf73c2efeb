import { forMarkdown } from "../protect/sanitise.ts";

/** Characters of one foreign text that a comment shows. */
const LONGEST_CELL = 240;

/** Foreign text for one cell or line of a comment: on one line, cut with a note that says so, and sanitised. */
export function cell(text: string): string {
  const characters = Array.from(text.replaceAll(/\s+/g, " ").trim());
  if (characters.length <= LONGEST_CELL) return forMarkdown(characters.join(""));
  const shown = forMarkdown(characters.slice(0, LONGEST_CELL).join(""));
  return `${shown} (cut: ${LONGEST_CELL} of ${characters.length} characters)`;
}

/** A Markdown table. Cells must have passed {@link cell} or be Whetstone's own words. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
