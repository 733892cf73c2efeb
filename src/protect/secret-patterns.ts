import { mayHoldSecret, SECRET_PATTERNS } from "./secret-forms.ts";

export { SECRET_PATTERNS } from "./secret-forms.ts";

/** A kind of secret and how it is written; the patterns are those that the issuers publish for scanners. */
export type SecretPattern = { readonly kind: string; readonly pattern: RegExp };

/** Puts the kind in the place of each secret that can be told from its form. */
export function redactSecrets(text: string): string {
  if (!mayHoldSecret(text)) return text;
  return SECRET_PATTERNS.reduce((redacted, { kind, pattern }) => redacted.replaceAll(pattern, `[${kind}]`), text);
}
