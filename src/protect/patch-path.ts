/** Escapes of git's quoted names (quote.c, `c_style_quote`), besides three octal digits for a byte. */
const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  "\\": 92,
};

/** A name at the start of a text, and what follows it. */
export type NameAndRest = { readonly name: string; readonly rest: string };

/** Reads a name in double quotes at the start of a text; undefined when it is not one, or its bytes are not UTF-8. */
function readQuoted(text: string): NameAndRest | undefined {
  const match = /^"((?:[^"\\]|\\(?:[abtnvfr"\\]|[0-3][0-7]{2}))*)"/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const bytes: number[] = [];
  for (const [part] of match[1].matchAll(/\\(?:[0-7]{3}|.)|[^\\]+/g)) {
    if (!part.startsWith("\\")) bytes.push(...new TextEncoder().encode(part));
    else bytes.push(ESCAPES[part.slice(1)] ?? Number.parseInt(part.slice(1), 8));
  }
  try {
    const name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
    return { name, rest: text.slice(match[0].length) };
  } catch {
    return undefined;
  }
}

/** Reads a whole text as one name, quoted or plain. Plain names hold nothing that git would have quoted. */
export function readName(text: string): string | undefined {
  if (text.startsWith('"')) {
    const quoted = readQuoted(text);
    return quoted?.rest === "" ? quoted.name : undefined;
  }
  return isPlain(text) ? text : undefined;
}

/** The names of `diff --git`, which is the only place where both stand on one line; undefined when they cannot be told. */
export function readHeaderNames(text: string): { readonly oldName: string; readonly newName: string } | undefined {
  if (!text.startsWith('"') && !text.endsWith('"')) return equalNames(text);
  const first = text.startsWith('"') ? readQuoted(text) : splitBeforeQuote(text);
  if (first === undefined || !first.rest.startsWith(" ")) return undefined;
  const second = readName(first.rest.slice(1));
  return second === undefined ? undefined : stripped(first.name, second);
}

/** Whether `diff --git` says exactly these two names. */
export function headerSays(text: string, oldName: string, newName: string): boolean {
  if (isPlain(text) && text === `a/${oldName} b/${newName}`) return true;
  const names = readHeaderNames(text);
  return names?.oldName === oldName && names.newName === newName;
}

/** Both names are plain: the line is unambiguous only when they are equal, and then it has one middle. */
function equalNames(text: string): { readonly oldName: string; readonly newName: string } | undefined {
  const middle = (text.length - 1) / 2;
  if (!Number.isInteger(middle) || text[middle] !== " " || !isPlain(text)) return undefined;
  const names = stripped(text.slice(0, middle), text.slice(middle + 1));
  return names?.oldName === names?.newName ? names : undefined;
}

function splitBeforeQuote(text: string): NameAndRest | undefined {
  const at = text.indexOf(' "');
  return at > 0 && isPlain(text.slice(0, at)) ? { name: text.slice(0, at), rest: text.slice(at) } : undefined;
}

function stripped(first: string, second: string): { readonly oldName: string; readonly newName: string } | undefined {
  if (!first.startsWith("a/") || !second.startsWith("b/")) return undefined;
  return { oldName: first.slice(2), newName: second.slice(2) };
}

function isPlain(name: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return name !== "" && !/["\\\u0000-\u001f\u007f]/.test(name);
}
