/** Positions in a text: `start` inclusive, `end` exclusive, in UTF-16 units. */
export type Range = { readonly start: number; readonly end: number };

/** A member of a JSON object with the place of its value. */
export type Member = { readonly key: string; readonly value: Range };

/** First position at or after `from` that is no JSON white space. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at += 1;
  return at;
}

/**
 * Members of the object that starts at `start`, in order of the text, duplicates included.
 * The text must be valid JSON: these functions find places, they do not validate.
 */
export function* members(text: string, start: number): Generator<Member> {
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const keyEnd = stringEnd(text, at);
    const key = String(JSON.parse(text.slice(at, keyEnd)));
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, valueStart);
    yield { key, value: { start: valueStart, end } };
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
}

/** Elements of the array that starts at `start`; same condition as {@link members}. */
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
  for (const member of members(text, start)) if (member.key === key) found = member.value;
  return found;
}

function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

function valueEnd(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return stringEnd(text, start);
  if (first === "{" || first === "[") return containerEnd(text, start);
  let at = start;
  while (at < text.length && !",]} \t\n\r".includes(text.charAt(at))) at += 1;
  return at;
}

function containerEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = stringEnd(text, at) - 1;
    else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
