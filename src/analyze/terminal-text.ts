/** Characters of two columns on terminals: the wide blocks of East Asian scripts, and emoji (after Unicode TR 11). */
const WIDE =
  /[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97C}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF00}-\u{FF60}\u{FFE0}-\u{FFE6}\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;

/**
 * What could move the cursor, recolour, hide or reorder text: control and format characters (escape sequences, bidi
 * overrides, zero-width characters), line and paragraph separators, lone surrogates, unassigned and private characters,
 * and marks that combine with the character before.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{M}]/u;

/** Text from telemetry as one line of plain, visible text: each character that is not becomes `?` (after NFC). */
export function plainText(text: string): string {
  return Array.from(text.normalize("NFC"), (character) => (UNSAFE.test(character) ? "?" : character)).join("");
}

/** Columns that plain text takes on a terminal. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** Plain text in exactly `columns` columns: padded with spaces, or cut with `…` at its end. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return "";
  if (columnsOf(text) <= columns) return text + " ".repeat(columns - columnsOf(text));
  let kept = "";
  let used = 0;
  for (const character of text) {
    const wide = columnsOf(character);
    if (used + wide > columns - 1) break;
    kept += character;
    used += wide;
  }
  return `${kept}…${" ".repeat(columns - 1 - used)}`;
}

/** A duration in at most 8 columns: `850 ns`, `12.3 µs`, `4.56 ms`, `1.2 s`, `3.4 h`. */
export function durationText(ns: number): string {
  const [unit, size] = UNITS.find(([, least]) => ns >= least * 0.9995) ?? ["ns", 1];
  const value = ns / size;
  return `${Number(value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0))} ${unit}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400e9],
  ["h", 3_600e9],
  ["min", 60e9],
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
];
