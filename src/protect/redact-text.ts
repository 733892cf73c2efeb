import { mayHoldSecret } from "./secret-forms.ts";
import { SECRET_PATTERNS, type SecretPattern } from "./secret-patterns.ts";
import { keyRule, keySource, type KeyRule } from "./secret-keys.ts";
import { valueEnd } from "./redact-value.ts";

/** What is redacted besides the built-in rules. */
export type TextRules = {
  /** Names whose values are redacted. */
  readonly keys?: readonly string[] | undefined;
  /** Regular expressions that `boundedPattern` accepts; what they match is redacted. */
  readonly patterns?: readonly string[] | undefined;
};

/** Stands in the place of a secret and says by which rule. */
export const marker = (rule: string): string => `[redacted: ${rule}]`;

const MARKER = String.raw`\[redacted: [^\]\n]{1,80}\]`;
export const IS_MARKER: RegExp = new RegExp(`^${MARKER}$`);

/** Forms that are secrets where they are sent, though not in source code. */
const SENT_PATTERNS: readonly SecretPattern[] = [
  { kind: "bearer token", pattern: /(?<=\bbearer\s{1,4})(?=[\w.~+/=-]{0,512}\d)[\w.~+/=-]{16,}/gi },
  { kind: "basic credentials", pattern: /(?<=\bbasic\s{1,4})(?=[\w+/-]{0,512}(?:\d|=))[\w+/-]{12,}={0,2}(?![\w-])/gi },
  {
    kind: "password in a URL",
    pattern: /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'`]{0,128}:)[^\s/?#"'`]{1,256}(?=@)/gi,
  },
];

/** What {@link SENT_PATTERNS} need. */
const SENT_HINT = /[bB][eE][aA][rR][eE][rR]|[bB][aA][sS][iI][cC]|:\/\/[^\s/?#"'`]{0,400}@/;
/** The shortest secret that is told by its form alone has 15 characters. */
const SHORT = /^[^\s:=>%\\]{0,14}$/;
/** Escapes of printable ASCII: JSON's, and those of URLs. */
const ESCAPE = /\\u00[2-7][0-9a-f]|%[2-7][0-9a-f]/i;
const ESCAPES = /\\+u00([2-7][0-9a-f])|%([2-7][0-9a-f])/gi;
/** Escapes within escapes that are taken apart. */
const ESCAPE_LEVELS = 8;

/** Takes secrets out of a text: by their form, by the name before them, by the user's patterns. Linear in its length. */
export type TextRedactor = (text: string) => string;

/** A {@link TextRedactor} by the built-in rules and `rules`. Text without a secret comes back as it is. */
export function textRedactor(rules: TextRules = {}): TextRedactor {
  const keys = rules.keys ?? [];
  const values = valueRedactor(keyRule(keys), keySource(keys));
  const own = (rules.patterns ?? []).map((source, at) => patternRedactor(source, `pattern ${at + 1}`));
  const once = (text: string): string => {
    const named = values(mayHoldSecret(text) || SENT_HINT.test(text) ? byForm(text) : text);
    return own.reduce((redacted, redact) => redact(redacted), named);
  };
  return (text) => {
    if (own.length === 0 && text.length < 15 && SHORT.test(text)) return text;
    const direct = once(text);
    if (!ESCAPE.test(direct)) return direct;
    const plain = unescaped(direct);
    const redacted = once(plain);
    // Where the escapes hid nothing they stay.
    return redacted === plain ? direct : redacted;
  };
}

function byForm(text: string): string {
  let redacted = text;
  for (const { kind, pattern } of SECRET_PATTERNS) redacted = redacted.replaceAll(pattern, marker(kind));
  for (const { kind, pattern } of SENT_PATTERNS) redacted = redacted.replaceAll(pattern, marker(kind));
  return redacted;
}

function patternRedactor(source: string, rule: string): TextRedactor {
  const pattern = new RegExp(`(${MARKER})|(?:${source})`, "gu");
  const replace = (match: string, made: string | undefined): string =>
    made === undefined && match !== "" ? marker(rule) : match;
  return (text) => text.replaceAll(pattern, replace);
}

function unescaped(text: string): string {
  let plain = text;
  for (let level = 0; level < ESCAPE_LEVELS && ESCAPE.test(plain); level += 1) {
    plain = plain.replaceAll(ESCAPES, (_all, json?: string, url?: string) =>
      String.fromCharCode(Number.parseInt(json ?? url ?? "", 16)),
    );
  }
  return plain;
}

/** Quotes and brackets of any escaping that may stand behind a name, before what separates it from its value. */
const BEHIND = String.raw`[\\"'\x60\])]{0,40}\s{0,20}`;
const NAME_BEFORE = /[\w.-]{0,64}$/;

/**
 * Redacts values behind names, whatever their quoting. It looks for what separates the two and then back for the name:
 * there are far fewer separators in a text than letters that may begin a name.
 */
function valueRedactor(ruleOf: KeyRule, source: string): TextRedactor {
  const separated = `[:=>](?<=(${source})(${BEHIND})[:=>])(?:(?<=:)=|(?<==)>)?\\s{0,20}`;
  const option = String.raw`(?<![\w-])--?([\w-]{1,80})\s{1,4}`;
  // Where a name of the user has letters of any script, upper case is told by the rules of Unicode.
  const flags = /[^ -~]/.test(source) ? "giu" : "gi";
  const places = new RegExp(`(${MARKER})|${separated}|${option}`, flags);
  return (text) => {
    let redacted = "";
    let from = 0;
    let floor = 0;
    places.lastIndex = 0;
    for (let found = places.exec(text); found !== null; found = places.exec(text)) {
      if (found[1] !== undefined) floor = places.lastIndex;
      const named = found[1] === undefined ? placeOf(found, text, floor) : undefined;
      const rule = named && ruleOf(named.name);
      const end = named && rule !== undefined ? valueEnd({ ...named, text, rule }) : undefined;
      if (end === undefined) continue;
      redacted += text.slice(from, end.from) + marker(`key ${rule}`);
      from = end.to;
      floor = end.to;
      places.lastIndex = end.to;
    }
    return from === 0 ? text : redacted + text.slice(from);
  };
}

/** The name that a separator or an option found; none of what lies before `floor`, which is redacted already. */
function placeOf(found: RegExpExecArray, text: string, floor: number) {
  const [all, , word = "", behind = "", option] = found;
  const at = found.index + all.length;
  if (option !== undefined) return { name: option, at, isOption: true, between: all, start: found.index };
  const nameStart = found.index - behind.length - word.length;
  if (nameStart < floor) return undefined;
  const before = NAME_BEFORE.exec(text.slice(Math.max(floor, nameStart - 64), nameStart))?.[0] ?? "";
  return { name: before + word, at, isOption: false, between: all, start: nameStart - before.length };
}
