import type { StageVerdict } from "../model/verdict.ts";
import type { FilePatch, Patch } from "./patch-form.ts";
import { mayHoldSecret, SECRET_PATTERNS } from "./secret-forms.ts";

/** A name that promises a secret, and the literal that it is given. */
const ASSIGNMENT =
  /(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|credentials?)["'`\]]*\s*(?::=|=>|[:=])\s*(["'`])((?:(?!\1).){8,512})\1/gi;
/** A URL that carries a password. */
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'`]{1,64}:([^\s/@"'`]{3,128})@([^\s/:?#"'`]{0,253})/gi;
/** Hosts that are reserved for examples and tests (RFC 2606): nobody can log in there. */
const RESERVED_HOST = /(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid)$/i;
/** What people write where a password would stand. */
const PASSWORD_WORD = /^(?:some|my|your)?(?:user(?:name)?|pass(?:word|wd)?|pwd?|secret|guest|test|foo|bar|xyz|abc)$/i;
/** Literals in sources that are no secrets: counted up by hand, a word with a number, words as in a name, a path. */
const NAMED =
  /1234567|^\w{0,40}(?:[Tt]oken|[Ss]ecret|[Pp]assw(?:or)?d)[-_]?\d{0,4}$|^\W?[a-z]*(?:[-_.]?[A-Z][a-z]+)*\W?$|^[.~]{0,2}\/[A-Za-z._/-]+$/;
/** Texts that stand for a secret to be filled in. */
const PLACEHOLDER =
  /\$\{|\$\(|\{\{|<[^>]*>|%[a-z(]|process\.env|example|placeholder|change.?me|redacted|dummy|x{4,}|\*{3,}|\.{3}/i;

/**
 * Below this many bits per character a literal is a word rather than a secret (English text has 3 to 4 at this length).
 * Measured by `npm run bench -- secrets`: no finding in the 3.6 MB of this repository's sources, and in the 494 MB of
 * node_modules 79 different lines, 0.16 per MB, of which 24 by this rule; most of them are examples in documentation.
 */
const LEAST_ENTROPY_BITS = 3;

/** A run of printable ASCII characters that could hold a secret. */
const PRINTABLE = /[\x20-\x7e]{8,}/g;

/**
 * Stage `safety`: looks at added lines and at what is new in binary contents, and names file, place and kind of what looks
 * like a secret, never the secret. At most twenty are named, with the number beyond.
 */
export function judgeSafety(patch: Patch): StageVerdict {
  const found = patch.files.flatMap(secretsIn);
  if (found.length === 0) return { verdict: "pass", reasons: ["ok"], details: ["Nothing added looks like a secret."] };
  const details = found.slice(0, 20);
  if (found.length > details.length) details.push(`${found.length - details.length} more of ${found.length}.`);
  return { verdict: "fail", reasons: ["secret_found"], details };
}

function secretsIn(file: FilePatch): readonly string[] {
  const path = JSON.stringify(file.newPath ?? file.oldPath);
  const inLines = addedLines(file).flatMap(({ line, text }) =>
    secretKinds(text).map((kind) => `${path}, line ${line}: looks like a secret (${kind}).`),
  );
  const inBytes = file.content === undefined ? [] : secretsInBytes(file.content.forward.data);
  return [...inLines, ...inBytes.map((kind) => `${path}, binary content: looks like a secret (${kind}).`)];
}

/**
 * Kinds of what looks like a secret in bytes of any form: in texts within them, also of two bytes a character. What is
 * compressed within is not seen.
 */
function secretsInBytes(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes).toString("latin1");
  const runs = [text, text.replaceAll("\0", "")].flatMap((one) => one.match(PRINTABLE) ?? []);
  return [...new Set(runs.flatMap(secretKinds))];
}

/** Added lines with their number in the new file. */
function addedLines({ hunks }: FilePatch): readonly { readonly line: number; readonly text: string }[] {
  return hunks.flatMap((hunk) => {
    const after = hunk.lines.filter(({ kind }) => kind !== "remove");
    return after
      .map(({ kind, text }, index) => ({ kind, text, line: hunk.newStart + index }))
      .filter(({ kind }) => kind === "add");
  });
}

/** Kinds of what looks like a secret in a line, by form or else by the name before it. */
export function secretKinds(text: string): readonly string[] {
  const known = mayHoldSecret(text)
    ? SECRET_PATTERNS.filter(({ pattern }) => text.search(pattern) >= 0).map(({ kind }) => kind)
    : [];
  if (known.length > 0) return known;
  const literals = [...text.matchAll(ASSIGNMENT)].map((match) => match[2] ?? "");
  if (literals.some(looksRandom)) return ["assigned literal"];
  return [...text.matchAll(URL_PASSWORD)].some(isLogin) ? ["password in a URL"] : [];
}

function isLogin([, password = "", host = ""]: RegExpExecArray): boolean {
  return !PLACEHOLDER.test(password) && !PASSWORD_WORD.test(password) && !RESERVED_HOST.test(host);
}

/** Whether a literal could be a secret: no placeholder, characters of two classes, and enough entropy. */
function looksRandom(literal: string): boolean {
  if (PLACEHOLDER.test(literal) || NAMED.test(literal) || /\s/.test(literal.trim())) return false;
  const classes = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9_.\-/]/].filter((part) => part.test(literal));
  return classes.length >= 2 && entropyBits(literal) >= LEAST_ENTROPY_BITS;
}

/** Shannon entropy of the characters of a text, in bits per character. */
export function entropyBits(text: string): number {
  const characters = Array.from(text);
  const counts = Map.groupBy(characters, (character) => character);
  const shares = [...counts.values()].map((same) => same.length / characters.length);
  return -shares.reduce((sum, share) => sum + share * Math.log2(share), 0);
}
