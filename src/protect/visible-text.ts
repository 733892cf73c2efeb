/** Nothing else is in most texts: they come back as they are after one look. */
const PLAIN =
  /^[\t\n\u0020-\u007e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u05ff\u2010-\u2015\u2018-\u2027\u2030-\u205e\u20a0-\u218f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]*$/;
/** Colours and styles of terminals (ECMA-48 SGR); all other control sequences stay visible. */
// oxlint-disable-next-line no-control-regex
const STYLE = /\u001b\[[0-9;:]*m/g;
/**
 * Control characters but tab and line break, separators of lines, and characters that show nothing or turn the
 * direction of text: format characters, fillers, variation selectors, tags.
 */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|\p{Cf}|[\u{17b4}\u{17b5}]|\u{115f}|\u{1160}|\u{3164}|\u{ffa0}|\u{34f}|[\u{180b}-\u{180f}]|[\u{fe00}-\u{fe0e}]|[\u{e0000}-\u{e0fff}]/gu;

/**
 * Text in which nothing is hidden: colours are dropped, every other control or invisible character is shown by name.
 * Line breaks (`\r\n` becomes `\n`) and tabs stay.
 */
export function visibleText(text: string): string {
  if (PLAIN.test(text)) return text;
  let shown = text.toWellFormed();
  if (shown.includes("\r")) shown = shown.replaceAll("\r\n", "\n");
  if (shown.includes("\u001b")) shown = shown.replaceAll(STYLE, "");
  return shown.replaceAll(HIDDEN, characterName);
}

/** `[U+202E]` for a character that cannot be seen. */
export function characterName(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
}
