/** One answer within the one comment of a conversation; `body` is Markdown whose foreign parts passed the sanitiser. */
export type Section = { readonly key: number; readonly body: string };

/** Answers that are kept; what was before them is in the history of the comment on GitHub. */
const MOST_SECTIONS = 5;
/** Most characters of all answers together: GitHub takes 65,536 of a comment. */
const LONGEST = 60_000;

const SECTION = /^<!-- whetstone:section (\d+) -->\n([^]*?)\n<!-- \/whetstone:section -->$/gm;
const OLDER = "_Earlier answers are in the edit history of this comment._";

/** The answers of a comment, newest first; what is between them counts for nothing. */
export function readSections(comment: string): readonly Section[] {
  return [...comment.matchAll(SECTION)].map(([, key, body = ""]) => ({ key: Number(key), body }));
}

/**
 * The comment with an answer put in: in place of the one with the same key, or before all others. Marks cannot occur in a
 * body that passed the sanitiser; one that has them all the same is made harmless.
 */
export function withSection(comment: string | undefined, { key, body }: Section): string {
  const before = comment === undefined ? [] : readSections(comment);
  const section = { key, body: body.replaceAll("<!--", "&lt;!--").trim() };
  const isKnown = before.some((one) => one.key === key);
  const all = isKnown ? before.map((one) => (one.key === key ? section : one)) : [section, ...before];
  const shown = all.filter((_, index) => index < MOST_SECTIONS && lengthUpTo(all, index) <= LONGEST);
  const kept = shown.some((one) => one.key === key) ? shown : [section];
  const cut = kept.length < all.length || comment?.includes(OLDER) === true;
  return [...kept.map(textOf), ...(cut ? [OLDER] : [])].join("\n\n");
}

function lengthUpTo(all: readonly Section[], index: number): number {
  return all.slice(0, index + 1).reduce((sum, { body }) => sum + body.length, 0);
}

function textOf({ key, body }: Section): string {
  return `<!-- whetstone:section ${key} -->\n${body}\n<!-- /whetstone:section -->`;
}
