import { redactSecrets } from "./secret-patterns.ts";
import { visibleText } from "./visible-text.ts";

/** Breaks a word for machines and not for the eye: after it `@name`, `#1` and links are plain text on GitHub. */
export const BREAK = "\u200b";

const COMMENT = /<!--[^]*?(?:-->|$)/g;
const HIGH_SURROGATE = /[\ud800-\udbff]/g;

/**
 * Text for a terminal: colours are dropped, every other control or invisible character is shown by name, so that nothing
 * moves the cursor, hides or reorders what is printed. Line breaks and tabs stay.
 */
export function forTerminal(text: string): string {
  return visibleText(text);
}

/** What Markdown, or GitHub in it, reads as more than the character itself; most of an ordinary text is none. */
const MARKDOWN_SIGN = /[\\`*_[\]|~&<@#:/>+=\t-]|www\.|\d[.)]| {4}/i;

/**
 * Plain text for a Markdown page, comment or commit message: it renders as the characters that it is made of. Markup,
 * HTML and comments are escaped; mentions, references to issues, links and slash commands do nothing; secrets that can
 * be told from their form are replaced by their kind. Line breaks stay.
 */
export function forMarkdown(text: string): string {
  const clean = redactSecrets(visibleText(text));
  if (!MARKDOWN_SIGN.test(clean)) return clean;
  return clean
    .replaceAll(/[\\`*[\]|~]/g, "\\$&")
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/@(?=[\p{L}\p{N}])/gu, `@${BREAK}`)
    .replaceAll(/#(?=\d)/g, `#${BREAK}`)
    .replaceAll(/\bGH-(?=\d)/gi, (prefix) => `${prefix}${BREAK}`)
    .replaceAll("://", `:${BREAK}//`)
    .replaceAll(/(?<![\p{L}\p{N}])www\./giu, (prefix) => `${prefix.slice(0, 3)}${BREAK}.`)
    .replaceAll(/^([ \t]*)([/>#]|[-+=](?=[-+=]|\s|$))/gm, "$1\\$2")
    .replaceAll(/^([ \t]*\d{1,9})(?=[.)](?:\s|$))/gm, "$1\\")
    .replaceAll(/^(?= {0,3}\t| {4})/gm, BREAK); // or it would be a block of code
}

/**
 * Text for a model's context: comments that a page would hide are taken out and said, control and invisible characters
 * are shown by name, mentions and slash commands do nothing, secrets are replaced by their kind. Cut after `maxLength`
 * characters (code points), with a note behind them that says how many there were.
 */
export function forModel(text: string, { maxLength }: { readonly maxLength: number }): string {
  const clean = inert(redactSecrets(withoutComments(visibleText(text))));
  if (clean.length <= maxLength) return clean;
  const characters = clean.length - (clean.match(HIGH_SURROGATE)?.length ?? 0);
  if (characters <= maxLength) return clean;
  return `${firstCharacters(clean, maxLength)} [cut: ${maxLength} of ${characters} characters shown]`;
}

const withoutComments = (text: string): string =>
  text.includes("<!--") ? text.replaceAll(COMMENT, "[comment removed]") : text;

/** Mentions, references and slash commands as words. */
function inert(text: string): string {
  let clean = text;
  if (clean.includes("@")) clean = clean.replaceAll(/@(?=[\p{L}\p{N}])/gu, "(at)");
  if (clean.includes("#")) clean = clean.replaceAll(/#(?=\d)/g, "no. ");
  return clean.includes("/") ? clean.replaceAll(/^([ \t]*)\/(?=[A-Za-z])/gm, "$1(slash)") : clean;
}

/** The first characters of a well-formed text; none is cut in two. */
function firstCharacters(text: string, count: number): string {
  // A character has at most two code units.
  const start = text.slice(0, 2 * count);
  return Array.from(start).slice(0, count).join("");
}
