import { selectorFault } from "./fault.ts";

/** Which UTF-16 code units a step of a pattern takes. */
export type CharacterSet = (code: number) => boolean;

/** A pattern as a tree. */
export type PatternNode =
  | { readonly kind: "set"; readonly has: CharacterSet }
  | { readonly kind: "start" }
  | { readonly kind: "end" }
  | { readonly kind: "sequence"; readonly items: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly items: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly item: PatternNode; readonly min: number; readonly max: number };

/** Most characters of a pattern, deepest nesting of its groups, most repetitions of `{n,m}`. */
export const PATTERN_LIMITS = { characters: 1_000, depth: 50, repetitions: 1_000 } as const;

type Reader = { readonly text: string; at: number; depth: number; readonly ignoreCase: boolean };

/**
 * Parses a regular expression of RE2's syntax without Unicode classes: literals, `.`, classes, groups, `|`, `* + ? {n,m}`
 * (lazy forms match the same), `^ $`, `\d \w \s` and their negations, `(?i)` in front. What RE2 refuses is refused too:
 * look-around and back-references.
 * @throws WhetstoneError `spec_invalid` with the offset in `data.offset`
 */
export function parsePattern(text: string): PatternNode {
  if (text.length > PATTERN_LIMITS.characters) {
    throw selectorFault(text, PATTERN_LIMITS.characters, `longer than ${PATTERN_LIMITS.characters} characters`);
  }
  const ignoreCase = text.startsWith("(?i)");
  const reader: Reader = { text, at: ignoreCase ? 4 : 0, depth: 0, ignoreCase };
  const node = choice(reader);
  if (reader.at < text.length) throw selectorFault(text, reader.at, "there is no group to close");
  return node;
}

function choice(reader: Reader): PatternNode {
  const items = [sequence(reader)];
  while (reader.text[reader.at] === "|") {
    reader.at += 1;
    items.push(sequence(reader));
  }
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "choice", items };
}

function sequence(reader: Reader): PatternNode {
  const items: PatternNode[] = [];
  while (reader.at < reader.text.length && !"|)".includes(reader.text[reader.at] ?? "")) {
    items.push(repeated(reader, atom(reader)));
  }
  return { kind: "sequence", items };
}

function repeated(reader: Reader, item: PatternNode): PatternNode {
  const bounds = quantifier(reader);
  if (bounds === undefined) return item;
  if (reader.text[reader.at] === "?") reader.at += 1;
  if (quantifier({ ...reader }) !== undefined) throw selectorFault(reader.text, reader.at, "nothing to repeat");
  return { kind: "repeat", item, ...bounds };
}

function quantifier(reader: Reader): { min: number; max: number } | undefined {
  const { text, at } = reader;
  const simple = { "*": [0, Infinity], "+": [1, Infinity], "?": [0, 1] }[text[at] ?? ""];
  if (simple !== undefined) {
    reader.at += 1;
    return { min: simple[0] ?? 0, max: simple[1] ?? 0 };
  }
  const found = /^\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/.exec(text.slice(at, at + 24));
  if (found === null) return undefined;
  const min = Number(found[1]);
  const max = found[2] === undefined ? min : found[3] === undefined ? Infinity : Number(found[3]);
  const most = PATTERN_LIMITS.repetitions;
  if (min > most || (max !== Infinity && max > most)) throw selectorFault(text, at, `more than ${most} repetitions`);
  if (max < min) throw selectorFault(text, at, "the repetitions run backwards");
  reader.at += found[0].length;
  return { min, max };
}

function atom(reader: Reader): PatternNode {
  const { text } = reader;
  const start = reader.at;
  const character = text[start] ?? "";
  reader.at += 1;
  if (character === "(") return group(reader, start);
  if (character === "[") return { kind: "set", has: classSet(reader, start) };
  if (character === ".") return { kind: "set", has: (code) => code !== 10 };
  if (character === "^") return { kind: "start" };
  if (character === "$") return { kind: "end" };
  if ("*+?".includes(character)) throw selectorFault(text, start, "nothing to repeat");
  if (character === "\\") return { kind: "set", has: escaped(reader) };
  return { kind: "set", has: foldCase(reader, oneOf(character.charCodeAt(0))) };
}

function group(reader: Reader, start: number): PatternNode {
  const { text } = reader;
  if (text[reader.at] === "?") {
    if (text[reader.at + 1] !== ":") {
      throw selectorFault(text, start, "look-around, named groups and flags within a pattern are not supported");
    }
    reader.at += 2;
  }
  reader.depth += 1;
  if (reader.depth > PATTERN_LIMITS.depth) throw selectorFault(text, start, "groups are nested too deep");
  const inner = choice(reader);
  if (text[reader.at] !== ")") throw selectorFault(text, start, "the group is not closed");
  reader.at += 1;
  reader.depth -= 1;
  return inner;
}

/** Sets behind a backslash; their negations are written in upper case. */
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: between(48, 57),
  w: (code) => between(48, 57)(code) || between(65, 90)(code) || between(97, 122)(code) || code === 95,
  s: (code) => (code >= 9 && code <= 13) || code === 32,
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 };

/** What stands behind a backslash that has just been read. */
function escaped(reader: Reader): CharacterSet {
  const { text, at } = reader;
  const character = text[at];
  if (character === undefined) throw selectorFault(text, at - 1, "nothing follows the backslash");
  reader.at += 1;
  const known = CLASSES[character.toLowerCase()];
  if (known !== undefined) return character === character.toLowerCase() ? known : (code) => !known(code);
  const control = CONTROLS[character];
  if (control !== undefined) return oneOf(control);
  if (/[A-Za-z0-9]/.test(character)) throw selectorFault(text, at - 1, `\\${character} is not supported`);
  return oneOf(character.charCodeAt(0));
}

/** A class whose `[` has just been read. */
function classSet(reader: Reader, start: number): CharacterSet {
  const { text } = reader;
  const negated = text[reader.at] === "^";
  if (negated) reader.at += 1;
  const sets: CharacterSet[] = [];
  for (let first = true; first || text[reader.at] !== "]"; first = false) {
    if (reader.at >= text.length) throw selectorFault(text, start, "the class is not closed");
    sets.push(classPart(reader));
  }
  reader.at += 1;
  const has = foldCase(reader, (code) => sets.some((set) => set(code)));
  return negated ? (code) => !has(code) : has;
}

function classPart(reader: Reader): CharacterSet {
  const { text, at } = reader;
  reader.at += 1;
  if (text[at] === "\\" && /[dwsDWS]/.test(text[at + 1] ?? "")) return escaped(reader);
  const low = classCharacter(reader, at);
  if (text[reader.at] !== "-" || text[reader.at + 1] === "]" || reader.at + 1 >= text.length) return oneOf(low);
  const highAt = reader.at + 1;
  reader.at += 2;
  const high = classCharacter(reader, highAt);
  if (high < low) throw selectorFault(text, at, "the range runs backwards");
  return between(low, high);
}

/** Code unit of the character at `at`, behind which the reader stands. */
function classCharacter(reader: Reader, at: number): number {
  const { text } = reader;
  if (text[at] !== "\\") return text.charCodeAt(at);
  const character = text[reader.at];
  if (character === undefined) throw selectorFault(text, at, "nothing follows the backslash");
  if (/[A-Za-z0-9]/.test(character) && CONTROLS[character] === undefined) {
    throw selectorFault(text, at, `\\${character} is not supported here`);
  }
  reader.at += 1;
  return CONTROLS[character] ?? character.charCodeAt(0);
}

function oneOf(wanted: number): CharacterSet {
  return (code) => code === wanted;
}

function between(low: number, high: number): CharacterSet {
  return (code) => code >= low && code <= high;
}

/** With `(?i)` a set takes both cases of the letters A to Z. */
function foldCase(reader: Reader, has: CharacterSet): CharacterSet {
  if (!reader.ignoreCase) return has;
  return (code) => has(code) || (isLetter(code) && has(code ^ 32));
}

function isLetter(code: number): boolean {
  return between(65, 90)(code) || between(97, 122)(code);
}
