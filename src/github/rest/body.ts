/** Most characters of a comment, an issue or a pull request's body. */
export const LONGEST_BODY = 65_536;
/** Most characters of a check run's summary. */
export const LONGEST_SUMMARY = 65_535;

/** The hidden first line by which a text's purpose is found again. */
export function markerOf(purpose: string): string {
  return `<!-- whetstone:${purpose} -->`;
}

/**
 * A text that is not longer than GitHub takes: cut between characters, an open block of code closed, with a last line
 * that says how much is shown.
 */
export function fitBody(text: string, longest: number = LONGEST_BODY): string {
  if (text.length <= longest) return text;
  const room = longest - 120;
  const cut = text.slice(0, room).replace(/[\ud800-\udbff]$/, "");
  const open = (cut.match(/^```/gm)?.length ?? 0) % 2 === 1;
  const note = `_Cut: ${cut.length} of ${text.length} characters are shown; the rest is in the run's artifact._`;
  return `${cut}${open ? "\n```" : ""}\n\n${note}`;
}
