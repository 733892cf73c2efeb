/** Positions in a text: `start` inclusive, `end` exclusive, in UTF-16 units. */
export type Range = { readonly start: number; readonly end: number };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** First position at or after `from` that is no JSON white space. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09;
}

/**
 * Elements of the array that starts at `start`. As below, the text must be valid JSON: these functions find places, they
 * do not validate.
 */
export function* elements(text: string, start: number): Generator<Range> {
  let at = skipSpace(text, start + 1);
  while (at < text.length && text[at] !== "]") {
    const end = valueEnd(text, at);
    yield { start: at, end };
    const next = skipSpace(text, end);
    if (text[next] !== ",") return;
    at = skipSpace(text, next + 1);
  }
}

/** Place of a member's value; of the last one when the key stands twice, as `JSON.parse` reads it. */
export function memberValue(text: string, start: number, key: string): Range | undefined {
  let found: Range | undefined;
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at);
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, valueStart);
    if (isKey(text, { start: at, end: keyEnd }, key)) found = { start: valueStart, end };
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
  return found;
}

/** Whether the string at that place reads as `key`. */
function isKey(text: string, { start, end }: Range, key: string): boolean {
  for (let at = start + 1; at < end - 1; at += 1) {
    if (text.charCodeAt(at) === BACKSLASH) return JSON.parse(text.slice(start, end)) === key;
  }
  return end - start === key.length + 2 && text.startsWith(key, start + 1);
}

function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return stringEnd(text, start);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return containerEnd(text, start);
  let at = start;
  while (at < text.length && !",]} \t\n\r".includes(text.charAt(at))) at += 1;
  return at;
}

function containerEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = stringEnd(text, at) - 1;
    else if (char === OPEN_OBJECT || char === OPEN_ARRAY) depth += 1;
    else if (char === CLOSE_OBJECT || char === CLOSE_ARRAY) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
