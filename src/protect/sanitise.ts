import { redactSecrets } from "./secret-patterns.ts";

/** Breaks a word for machines and not for the eye: after it `@name`, `#1` and links are plain text on GitHub. */
const BREAK = "\u200b";

/** Colours and styles of terminals (ECMA-48 SGR); all other control sequences stay visible. */
// oxlint-disable-next-line no-control-regex
const STYLE = /\u001b\[[0-9;:]*m/g;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;
/** Characters that show nothing or turn the direction of text: format characters, fillers, variation selectors, tags. */
const INVISIBLE =
  /\p{Cf}|[\u{17b4}\u{17b5}]|\u{115f}|\u{1160}|\u{3164}|\u{ffa0}|\u{34f}|[\u{180b}-\u{180f}]|[\u{fe00}-\u{fe0e}]|[\u{e0000}-\u{e0fff}]/gu;
const COMMENT = /<!--[^]*?(?:-->|$)/g;

/**
 * Text for a terminal: colours are dropped, every other control or invisible character is shown by name, so that nothing
 * moves the cursor, hides or reorders what is printed. Line breaks and tabs stay.
 */
export function forTerminal(text: string): string {
  return visible(text);
}

/**
 * Plain text for a Markdown page, comment or commit message: it renders as the characters that it is made of. Markup,
 * HTML and comments are escaped; mentions, references to issues, links and slash commands do nothing; secrets that can
 * be told from their form are replaced by their kind. Line breaks stay.
 */
export function forMarkdown(text: string): string {
  return redactSecrets(visible(text))
    .replaceAll(/[\\`*[\]|~]/g, "\\$&")
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/@(?=[\p{L}\p{N}])/gu, `@${BREAK}`)
    .replaceAll(/#(?=\d)/g, `#${BREAK}`)
    .replaceAll(/\bGH-(?=\d)/gi, (prefix) => `${prefix}${BREAK}`)
    .replaceAll("://", `:${BREAK}//`)
    .replaceAll(/\bwww\./gi, (prefix) => `${prefix.slice(0, 3)}${BREAK}.`)
    .replaceAll(/^([ \t]*)([/>#]|[-+=](?=[-+=]))/gm, "$1\\$2");
}

/**
 * Text for a model's context: comments that a page would hide are taken out and said, control and invisible characters
 * are shown by name, mentions and slash commands do nothing, secrets are replaced by their kind. Cut after `maxLength`
 * characters (code points), with a note behind them that says how many there were.
 */
export function forModel(text: string, { maxLength }: { readonly maxLength: number }): string {
  const clean = redactSecrets(visible(text).replaceAll(COMMENT, "[comment removed]"))
    .replaceAll(/@(?=[\p{L}\p{N}])/gu, "(at)")
    .replaceAll(/#(?=\d)/g, "no. ")
    .replaceAll(/^([ \t]*)\/(?=[A-Za-z])/gm, "$1(slash)");
  const characters = Array.from(clean);
  if (characters.length <= maxLength) return clean;
  const shown = characters.slice(0, maxLength).join("");
  return `${shown} [cut: ${maxLength} of ${characters.length} characters shown]`;
}

function visible(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll(STYLE, "")
    .replaceAll(CONTROL, name)
    .replaceAll(INVISIBLE, name);
}

/** `[U+202E]` for a character that cannot be seen. */
function name(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
}
