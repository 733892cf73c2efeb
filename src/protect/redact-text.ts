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

/**
 * Without one of these nothing built in can match: the tests that almost every text ends with. The first is for secrets
 * by their form, the second for those behind a name.
 */
const FORM_HINT =
  "AKIA|ASIA|ABIA|ACCA|aws|gh[pousr]_|github_pat|glpat|xox|xapp|hooks\\.slack|AIza|GOCSPX|ya29|sk-|k_live_|npm_|wh[ks]_|PRIVATE KEY|\\.eyJ|bearer|basic|:\\/\\/[^\\s/?#\"'`]{0,400}@";
const NAME_HINT = "pass|pwd|pw\\b|secret|key|auth|credential|cookie|token|jwt|bearer|otp|sig|sess|connect.sid";
const HAS_FORM = new RegExp(FORM_HINT, "i");
const HAS_NAME = new RegExp(NAME_HINT, "i");
const HAS_ANY = new RegExp(`${FORM_HINT}|${NAME_HINT}`, "i");
/** No secret that can be told is shorter: `pw=x`. */
const SHORTEST = 4;
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
  const isPlain = keys.length === 0;
  const values = valueRedactor(keyRule(keys), keySource(keys));
  const own = (rules.patterns ?? []).map((source, at) => patternRedactor(source, `pattern ${at + 1}`));
  const once = (text: string): string => {
    if (isPlain && own.length === 0 && !HAS_ANY.test(text)) return text;
    const formed = HAS_FORM.test(text) ? byForm(text) : text;
    const named = isPlain && !HAS_NAME.test(formed) ? formed : values(formed);
    return own.reduce((redacted, redact) => redact(redacted), named);
  };
  return (text) => {
    if (text.length < SHORTEST) return text;
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

/** What may stand between a name and its value: quotes and brackets of any escaping, then `=`, `:`, `=>` or a tag's end. */
const BETWEEN = String.raw`[\\"'\x60\])]{0,40}\s{0,20}(?::=|=>|[:=>])\s{0,20}`;
const NAME_BEFORE = /[\w.-]{0,64}$/;

/** Redacts values behind names, whatever their quoting. */
function valueRedactor(ruleOf: KeyRule, source: string): TextRedactor {
  const places = new RegExp(`(${MARKER})|(${source})(${BETWEEN}|\\s{1,4})`, "giu");
  return (text) => {
    let redacted = "";
    let from = 0;
    places.lastIndex = 0;
    for (let found = places.exec(text); found !== null; found = places.exec(text)) {
      const [all, made, word = "", between = ""] = found;
      if (made !== undefined) continue;
      const before = NAME_BEFORE.exec(text.slice(Math.max(from, found.index - 64), found.index))?.[0] ?? "";
      const rule = ruleOf(before + word);
      const at = found.index + all.length;
      const place = { text, at, rule: rule ?? "", between, before, start: found.index - before.length };
      const end = rule === undefined ? undefined : valueEnd(place);
      // Not behind what stood between: the value may be a name itself.
      if (end === undefined) places.lastIndex = found.index + word.length;
      if (end === undefined) continue;
      redacted += text.slice(from, end.from) + marker(`key ${rule}`);
      from = end.to;
      places.lastIndex = end.to;
    }
    return from === 0 ? text : redacted + text.slice(from);
  };
}
