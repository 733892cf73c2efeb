import { BREAK } from "./sanitise.ts";
import { redactSecrets } from "./secret-patterns.ts";
import { characterName, visibleText } from "./visible-text.ts";

const HTML_SIGNS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/**
 * Text for the content of an HTML element or a quoted attribute value: it shows as the characters that it is made of,
 * control and invisible ones by name; secrets that can be told from their form are replaced by their kind. Not for
 * scripts, styles, URLs or unquoted attributes, in which escaping is no protection.
 */
export function forHtml(text: string): string {
  return redactSecrets(visibleText(text)).replaceAll(/[&<>"'`]/g, (sign) => HTML_SIGNS[sign] ?? sign);
}

/** What programs for tables take for the start of a formula, also behind white space and in full width. */
const FORMULA = /^\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const NUMBER = /^-?\d{1,300}(?:\.\d{1,300})?(?:e[+-]?\d{1,3})?$/i;
const QUOTED = /[",;\t\n\r]|^\s|\s$/;

/**
 * One cell of a CSV file (RFC 4180), quoted where needed. A text that a spreadsheet would take for a formula gets `'`
 * in front, by which it is shown as text; numbers stay numbers. Control and invisible characters are shown by name and
 * secrets that can be told from their form are replaced by their kind.
 */
export function forCsv(text: string): string {
  const clean = redactSecrets(visibleText(text));
  const inert = FORMULA.test(clean) && !NUMBER.test(clean) ? `'${clean}` : clean;
  return QUOTED.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** Marks of Slack's mrkdwn, which has no escape for them, and letters that look like them. */
const SLACK_MARKS: Readonly<Record<string, string>> = { "*": "\u2217", "~": "\u223c", "`": "\u02cb", _: "\u02cd" };
const SLACK_SIGNS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Text for a message on Slack, whether its field is read as mrkdwn or not: no mention (`<!channel>`, `@here`), channel,
 * link, emoji, quotation or emphasis comes of it. Marks of emphasis become letters that look the same, because mrkdwn
 * cannot escape them; `_` within a word stays. Secrets that can be told from their form are replaced by their kind.
 */
export function forSlack(text: string): string {
  return redactSecrets(visibleText(text))
    .replaceAll(/[*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, (mark) => SLACK_MARKS[mark] ?? mark)
    .replaceAll(/[&<>]/g, (sign) => SLACK_SIGNS[sign] ?? sign)
    .replaceAll(/[@#](?=[\p{L}\p{N}])/gu, (sign) => `${sign}${BREAK}`)
    .replaceAll("://", `:${BREAK}//`)
    .replaceAll(/:(?=[\p{L}\p{N}_+'-]+:)/gu, `:${BREAK}`)
    .replaceAll(/(?<=[\p{L}\p{N}])\.(?=\p{L}{2})/gu, `.${BREAK}`)
    .replaceAll(/^([ \t]*)&gt;/gm, `$1${BREAK}&gt;`);
}

/** Line breaks and tabs, which the other destinations keep. */
const BREAKS = /[\t\n]/g;

/**
 * Text for one line of a plain log: line breaks and tabs are shown by name like all control characters, secrets that can
 * be told from their form are replaced by their kind, and what GitHub Actions reads as a command (`::name::`, `##[name]`)
 * is none.
 */
export function forLogLine(text: string): string {
  return redactSecrets(visibleText(text))
    .replaceAll(BREAKS, characterName)
    .replaceAll("##[", `##${BREAK}[`)
    .replace(/^(\s*):(?=:)/, `$1:${BREAK}`);
}
