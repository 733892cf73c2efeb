/** A kind of secret and how it is written; the patterns are those that the issuers publish for scanners. */
export type SecretPattern = { readonly kind: string; readonly pattern: RegExp };

/** Secrets that can be told from their form alone. */
export const SECRET_PATTERNS: readonly SecretPattern[] = [
  { kind: "AWS access key id", pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g },
  {
    kind: "AWS secret access key",
    pattern: /\baws.{0,20}(?:secret|key).{0,20}["'`][A-Za-z0-9/+]{40}["'`]/gi,
  },
  { kind: "GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b/g },
  { kind: "GitLab token", pattern: /\bglpat-[A-Za-z0-9_-]{20,}/g },
  { kind: "Slack token", pattern: /\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}/g },
  { kind: "Slack webhook", pattern: /\bhooks\.slack\.com\/services\/T[A-Za-z0-9]+\/B[A-Za-z0-9]+\/[A-Za-z0-9]{16,}/g },
  { kind: "Google API key", pattern: /\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/g },
  { kind: "Google OAuth secret", pattern: /\b(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,})/g },
  { kind: "Anthropic key", pattern: /\bsk-ant-[A-Za-z0-9_-]{20,}/g },
  { kind: "OpenAI key", pattern: /\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{48}\b)/g },
  { kind: "Stripe key", pattern: /\b[rs]k_live_[A-Za-z0-9]{20,}/g },
  { kind: "npm token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  {
    kind: "Whetstone key",
    pattern: /\b(?:whk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}|whs_[A-Za-z0-9_-]{20,300}\.[A-Za-z0-9_-]{43})/g,
  },
  {
    kind: "private key",
    // With its body, as far as it is there: line breaks may be escaped.
    pattern:
      /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----))*(?:-----END [A-Z0-9 ]{1,60}-----)?)/g,
  },
  {
    kind: "JSON Web Token",
    // From the start of a run of its characters, so that a long one is looked at once; the end may be cut off.
    pattern: /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{13,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?/g,
  },
];

/** Puts the kind in the place of each secret that can be told from its form. */
export function redactSecrets(text: string): string {
  return SECRET_PATTERNS.reduce((redacted, { kind, pattern }) => redacted.replaceAll(pattern, `[${kind}]`), text);
}
