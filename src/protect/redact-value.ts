/** A name that promises a secret, in a text. */
export type NamedPlace = {
  readonly text: string;
  /** Where the value begins, its quotes included. */
  readonly at: number;
  /** The name's rule, see `secret-keys.ts`. */
  readonly rule: string;
  /** An option of a command, whose value stands behind a space: `--password hunter2`. */
  readonly isOption: boolean;
  /** What separates name and value. */
  readonly between: string;
  /** Where the name starts. */
  readonly start: number;
};

/** A value's place, quotes left out. */
export type Range = { readonly from: number; readonly to: number };

/** Values that are words of a language or of a schema, or a blank to be filled in. */
const NO_SECRET =
  /^(?:null|none|nil|undefined|true|false|string|str|number|integer|int|boolean|bool|object|array|any|unknown|required|optional|type|\*+|\.{3,}|<[^>]*>?|\$\{[^}]*\}?)[,;.)\]}]*$/i;
/** Names that prose uses as well: `Unexpected token: end of input`. */
const PROSE = new Set(["token", "auth", "pass", "pw", "sig", "otp", "bearer", "cookie"]);
const MARKER = /\[redacted: [^\]\n]{1,80}\]/y;
const UNQUOTED = /[^\s"'`\\&<>]*/y;
const LINE = /[^\r\n"'`\\<>]*/y;
const ELEMENT = /[^<]*/y;
const QUOTE = /(\\{0,255})(["'`])/y;

/** Where the value of a named place lies; undefined where there is none or nothing secret. */
export function valueEnd(place: NamedPlace): Range | undefined {
  const { text, at, between } = place;
  if (between.startsWith(">")) return element(place);
  const quote = matchAt(QUOTE, text, at);
  if (quote !== undefined) return quoted(text, at + quote.length, quote);
  const open = text[at];
  if ((open === "[" || open === "{") && matchAt(MARKER, text, at) === undefined) return bracketed(text, at);
  return unquoted(place);
}

/** `<password>…</password>`: the name has to be a tag's. */
function element({ text, at, start }: NamedPlace): Range | undefined {
  if (text[start - 1] !== "<" && !text.slice(Math.max(0, start - 64), start).includes("<")) return undefined;
  return range(text, at, at + (matchAt(ELEMENT, text, at)?.length ?? 0));
}

/** Up to the quote that is escaped no deeper than the first one; without one to the end of the text. */
function quoted(text: string, from: number, quote: string): Range | undefined {
  const depth = quote.length - 1;
  const sign = quote.at(-1) ?? "";
  for (let at = text.indexOf(sign, from); at !== -1; at = text.indexOf(sign, at + 1)) {
    let escapes = 0;
    while (at - escapes > from && text[at - escapes - 1] === "\\") escapes += 1;
    if (escapes <= depth) return range(text, from, at - escapes);
  }
  return range(text, from, text.length);
}

/** Up to the bracket that closes the first one; without one to the end of the text. */
function bracketed(text: string, from: number): Range | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === "[" || sign === "{") depth += 1;
    else if (sign === "]" || sign === "}") depth -= 1;
    if (depth === 0) return at === from + 1 ? undefined : { from, to: at + 1 };
  }
  return { from, to: text.length };
}

function unquoted(place: NamedPlace): Range | undefined {
  const { text, at, rule, between, isOption } = place;
  const made = matchAt(MARKER, text, at)?.length ?? 0;
  // Brackets of what is around it are no part of a value that is redacted already.
  if (made > 0 && /[\]}),;.:]/.test(text[at + made] ?? "")) return undefined;
  const whole = rule === "authorization" || rule === "cookie";
  const length = matchAt(whole && !isOption ? LINE : UNQUOTED, text, at + made)?.length ?? 0;
  if (length === 0) return undefined;
  const value = text.slice(at + made, at + made + length).trim();
  if (made === 0 && isHarmless(value, rule, between)) return undefined;
  return value === "" ? undefined : { from: at, to: at + made + length };
}

function isHarmless(value: string, rule: string, between: string): boolean {
  if (NO_SECRET.test(value)) return true;
  if (isFolder(value, rule)) return true;
  const isProse = PROSE.has(rule) && between.includes(":") && /\s$/.test(between);
  return isProse && !/\d/.test(value) && value.length < 16;
}

/** `PWD` is the folder of a process, too. */
export function isFolder(value: string, rule: string): boolean {
  return rule === "pwd" && /^(?:\/|~|[A-Z]:\\)/.test(value);
}

const NOTHING = /^(?:\s*|\[redacted: [^\]\n]{1,80}\])$/;

function range(text: string, from: number, to: number): Range | undefined {
  const value = text.slice(from, to);
  return NOTHING.test(value) || (value.length < 64 && NO_SECRET.test(value)) ? undefined : { from, to };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
