import type { StageVerdict } from "../model/verdict.ts";
import type { FilePatch, Patch } from "./patch-form.ts";
import { SECRET_PATTERNS } from "./secret-patterns.ts";

/** A name that promises a secret, and the literal that it is given. */
const ASSIGNMENT =
  /(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|credentials?)["'`\]]*\s*(?::=|=>|[:=])\s*(["'`])((?:(?!\1).){8,512})\1/gi;
/** A URL that carries a password. */
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'`]{1,64}:([^\s/@"'`]{3,128})@/gi;
/** Texts that stand for a secret to be filled in. */
const PLACEHOLDER =
  /\$\{|\$\(|\{\{|<[^>]*>|%[a-z(]|process\.env|example|placeholder|change.?me|redacted|dummy|x{4,}|\*{3,}|\.{3}/i;

/** Below this many bits per character a literal is a word rather than a secret (English text has 3 to 4 at this length). */
const LEAST_ENTROPY_BITS = 3;

/**
 * Stage `safety`: looks at added lines only and names file, line and kind of what looks like a secret, never the secret.
 * At most twenty are named, with the number beyond.
 */
export function judgeSafety(patch: Patch): StageVerdict {
  const found = patch.files.flatMap(secretsIn);
  if (found.length === 0) return { verdict: "pass", reasons: ["ok"], details: ["No added line looks like a secret."] };
  const details = found.slice(0, 20);
  if (found.length > details.length) details.push(`${found.length - details.length} more of ${found.length}.`);
  return { verdict: "fail", reasons: ["secret_found"], details };
}

function secretsIn(file: FilePatch): readonly string[] {
  const path = JSON.stringify(file.newPath ?? file.oldPath);
  return addedLines(file).flatMap(({ line, text }) =>
    kindsIn(text).map((kind) => `${path}, line ${line}: looks like a secret (${kind}).`),
  );
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

function kindsIn(text: string): readonly string[] {
  const known = SECRET_PATTERNS.filter(({ pattern }) => text.search(pattern) >= 0).map(({ kind }) => kind);
  if (known.length > 0) return known;
  const literals = [...text.matchAll(ASSIGNMENT)].map((match) => match[2] ?? "");
  if (literals.some(looksRandom)) return ["assigned literal"];
  const passwords = [...text.matchAll(URL_PASSWORD)].map((match) => match[1] ?? "");
  return passwords.some((password) => !PLACEHOLDER.test(password)) ? ["password in a URL"] : [];
}

/** Whether a literal could be a secret: no placeholder, characters of two classes, and enough entropy. */
function looksRandom(literal: string): boolean {
  if (PLACEHOLDER.test(literal) || /\s/.test(literal.trim())) return false;
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
