import type { SecretPattern } from "./secret-patterns.ts";

const HEX = "[0-9a-f]";
const WORD = "[A-Za-z0-9]";
const TEXT = "[A-Za-z0-9_-]";

/**
 * A secret with a prefix of its issuer: kind, prefix, and what stands behind it. The prefix begins a word, and with
 * the start of the body it is what a text is first searched for. Forms as the issuers document them and as secret scanners that are kept up to date look for them.
 */
const PREFIXED: readonly (readonly [kind: string, prefix: string, body: string])[] = [
  ["AWS access key id", "(?:AKIA|ASIA|ABIA|ACCA)", "[A-Z2-7]{16}\\b"],
  ["GitHub token", "gh[pousr]_", `${WORD}{36,255}\\b`],
  ["GitHub token", "github_pat_", "\\w{22,255}\\b"],
  ["GitLab token", "gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent|oas|wt|ffct)-", `${TEXT}{20,300}`],
  ["Slack token", "(?:xox[abceoprs]|xapp)-", "[A-Za-z0-9-]{10,}"],
  [
    "Slack webhook",
    "hooks\\.slack\\.com/(?:services|workflows|triggers)/",
    "T[A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9/]{16,}",
  ],
  ["Discord webhook", "discord(?:app)?\\.com/api/webhooks/", "\\d{17,20}/[\\w-]{60,}"],
  ["Google API key", "AIza", "[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"],
  ["Google OAuth secret", "GOCSPX-", `${TEXT}{28}`],
  ["Google OAuth secret", "ya29\\.", `${TEXT}{20,}`],
  ["Anthropic key", "sk-ant-", `${TEXT}{20,}`],
  ["OpenAI key", "sk-(?:proj|svcacct|admin)-", `${TEXT}{20,}`],
  ["OpenAI key", "sk-", `${WORD}{48}\\b`],
  ["OpenRouter key", "sk-or-v1-", `${HEX}{64}\\b`],
  ["Groq key", "gsk_", `${WORD}{52}\\b`],
  ["xAI key", "xai-", `${WORD}{70,90}\\b`],
  ["Perplexity key", "pplx-", `${WORD}{40,60}\\b`],
  ["Replicate token", "r8_", `${WORD}{37}\\b`],
  ["Hugging Face token", "(?:hf|api_org)_", "[A-Za-z0-9]{34}\\b"],
  ["Stripe key", "[rs]k_live_", `${WORD}{20,}`],
  ["Stripe webhook secret", "whsec_", "[A-Za-z0-9+/]{32,}={0,2}"],
  ["Square token", "sq0(?:atp|csp|idp)-", `${TEXT}{22,43}`],
  ["Shopify token", "shp(?:at|ca|pa|ss)_", "[0-9a-fA-F]{32}\\b"],
  ["npm token", "npm_", `${WORD}{36}\\b`],
  ["PyPI token", "pypi-AgE", `${TEXT}{50,}`],
  ["RubyGems key", "rubygems_", `${HEX}{48}\\b`],
  ["NuGet key", "oy2", "[a-z0-9]{43}\\b"],
  ["Docker token", "dckr_(?:pat|oat)_", `${TEXT}{20,}`],
  ["SendGrid key", "SG\\.", `${TEXT}{22}\\.${TEXT}{43}`],
  ["Mailgun key", "key-", `${HEX}{32}\\b`],
  ["Telegram token", "\\d{8,10}:AA", `${TEXT}{33}(?!${TEXT})`],
  ["Twilio key", "SK", `${HEX}{32}\\b`],
  ["Grafana token", "glsa_", `${WORD}{32}_${HEX}{8}\\b`],
  ["Grafana token", "glc_", "[A-Za-z0-9+/]{32,400}={0,2}"],
  ["New Relic key", "NR(?:AK|JS|II)-", `${TEXT}{19,32}`],
  ["Sentry token", "sntry[su]_", "[A-Za-z0-9_+/=-]{40,}"],
  ["Dynatrace token", "dt0[a-z]\\d\\d\\.", "[A-Z0-9]{24}\\.[A-Z0-9]{64}\\b"],
  ["PagerDuty key", "u\\+", `${TEXT}{18}\\b`],
  ["Linear key", "lin_(?:api|oauth)_", `${WORD}{40,64}\\b`],
  ["Notion token", "ntn_", "\\d{11}[A-Za-z0-9]{35}\\b"],
  ["Notion token", "secret_", `${WORD}{43}\\b`],
  ["Figma token", "fig[dour]_", `${TEXT}{40,}`],
  ["Postman key", "PMAK-", `${HEX}{24}-${HEX}{34}\\b`],
  ["Airtable token", "pat", `${WORD}{14}\\.${HEX}{64}\\b`],
  ["Atlassian token", "AT(?:ATT|CTT|BB)3?", "[A-Za-z0-9_=.-]{24,}"],
  ["HubSpot token", "pat-(?:na|eu)\\d-", `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}\\b`],
  ["1Password token", "ops_eyJ", `${TEXT}{100,}`],
  ["Doppler token", "dp\\.(?:pt|st|sa|ct|scim|audit)\\.", `${TEXT}[\\w.-]{39,}`],
  ["Vault token", "hv[sbr]\\.", `${TEXT}{24,}`],
  ["Terraform token", "[A-Za-z0-9]{14}\\.atlasv1\\.", `${TEXT}{60,}`],
  ["Pulumi token", "pul-", `${HEX}{40}\\b`],
  ["Databricks token", "dapi", `${HEX}{32}(?:-\\d)?\\b`],
  ["DigitalOcean token", "do[opr]_v1_", `${HEX}{64}\\b`],
  ["Supabase token", "sb(?:p|_secret)_", `${TEXT}{31,}`],
  ["PlanetScale token", "pscale_(?:tkn|pw|oauth)_", "[\\w.-]{32,}"],
  ["Vercel token", "vc[pirka]_", `${WORD}{24,}`],
  ["Cloudflare token", "cf(?:k|ut|at)_", `${TEXT}{40,}`],
  ["Tailscale key", "tskey-(?:api|auth|client|scim|webhook)-", "[A-Za-z0-9-]{16,}"],
  ["Fly token", "fm[12][ar]?_", "[A-Za-z0-9+/=_-]{100,}"],
  ["Buildkite token", "bkua_", `${HEX}{40}\\b`],
  ["Contentful token", "CFPAT-", `${TEXT}{43}`],
  ["Alibaba key id", "LTAI", `${WORD}{20}\\b`],
  ["JFrog key", "AKCp", `${WORD}{69,}`],
  ["Azure storage key", "AccountKey=", "[A-Za-z0-9+/]{86}=="],
  ["age secret key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}\\b"],
  ["Whetstone key", "whk_", "[0-9a-f]{12}_[A-Za-z0-9_-]{43}"],
  ["Whetstone key", "whs_", "[A-Za-z0-9_-]{20,300}\\.[A-Za-z0-9_-]{43}"],
];

/** Secrets without a prefix of their own, or with something before it. */
const OTHERS: readonly (SecretPattern & { readonly hint: string })[] = [
  {
    kind: "AWS secret access key",
    hint: "\\b[aA][wW][sS]",
    pattern: /\baws.{0,20}(?:secret|key).{0,20}["'`][A-Za-z0-9/+]{40}["'`]/gi,
  },
  // `8Q~` is in no other word.
  { kind: "Azure client secret", hint: "8Q~", pattern: /(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{31,34}(?![\w~.-])/g },
  {
    kind: "private key",
    hint: "PRIVATE KEY",
    // With its body, as far as it is there: line breaks may be escaped.
    pattern:
      /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----))*(?:-----END [A-Z0-9 ]{1,60}-----)?)/g,
  },
  {
    kind: "JSON Web Token",
    hint: "\\.eyJ",
    // From the start of a run of its characters, so that a long one is looked at once; the end may be cut off.
    pattern: /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{13,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?/g,
  },
];

/** Secrets that can be told from their form alone. */
export const SECRET_PATTERNS: readonly SecretPattern[] = [
  ...PREFIXED.map(([kind, prefix, body]) => ({ kind, pattern: new RegExp(`\\b${prefix}${body}`, "g") })),
  ...OTHERS.map(({ kind, pattern }) => ({ kind, pattern })),
];

/** Word by word, which costs a tenth of looking everywhere. */
const PREFIX_HINT = new RegExp(
  `\\b(?:${PREFIXED.filter(([, prefix]) => !prefix.includes("{"))
    .map(([, prefix, body]) => hintOf(prefix, body))
    .join("|")})`,
);
/** Hints of {@link OTHERS}, and of prefixes that begin with any word. */
const OTHER_HINT = new RegExp(`${OTHERS.map(({ hint }) => hint).join("|")}|\\d:AA|\\.atlasv1\\.`);

/** Whether a text may hold one of {@link SECRET_PATTERNS}; false for almost every text, at the cost of reading it. */
export function mayHoldSecret(text: string): boolean {
  return PREFIX_HINT.test(text) || OTHER_HINT.test(text);
}

/** A prefix may be a part of many words: the first characters of the body tell more. */
function hintOf(prefix: string, body: string): string {
  const set = /^(\[[^\]]+\]|\\w|\\d)\{(\d+)/.exec(body);
  return set === null ? prefix : `${prefix}${set[1] ?? ""}{${Math.min(12, Number(set[2]))}}`;
}
