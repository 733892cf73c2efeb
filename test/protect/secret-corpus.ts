import fc from "fast-check";

const HEX = "0123456789abcdef";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789";

const of = (alphabet: string, length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), minLength: length, maxLength: length });
const word = (length: number) => of(WORD, length);
const hex = (length: number) => of(HEX, length);

/** A form of secret: its kind, and secrets of it, put together only when a test runs, so that no scanner finds any here. */
export type SecretForm = readonly [kind: string, secret: fc.Arbitrary<string>];

/** Parts one behind the other. */
const joined = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((all) => all.join(""));
const after = (kind: string, prefixes: readonly string[], body: fc.Arbitrary<string>): readonly SecretForm[] =>
  prefixes.map((prefix) => [kind, joined(prefix, body)]);

/** Secrets of known forms, as their issuers make them. */
export const SECRET_CORPUS: readonly SecretForm[] = [
  ...after("AWS access key id", ["AKIA", "ASIA", "ABIA", "ACCA"], of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
  ["AWS secret access key", joined('aws_secret_access_key = "', word(40), '"')],
  ...after("GitHub token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], word(36)),
  ["GitHub token", joined("github_pat_", word(22), "_", word(59))],
  ...after("GitLab token", ["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glft-", "glagent-"], word(20)),
  ...after("Slack token", ["xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-"], joined(of("0123456789", 12), "-", word(24))),
  ["Slack webhook", joined("https://hooks.slack.", "com/services/T", of(UPPER, 8), "/B", of(UPPER, 8), "/", word(24))],
  ["Discord webhook", joined("https://discord.com/api/", "webhooks/", of("123456789", 18), "/", word(68))],
  ["Google API key", joined("AIza", word(35))],
  ["Google OAuth secret", joined("GOCSPX-", word(28))],
  ["Google OAuth secret", joined("ya29.", word(60))],
  ["Anthropic key", joined("sk-ant-", "api03-", word(93), "AA")],
  ...after("OpenAI key", ["sk-proj-", "sk-svcacct-", "sk-admin-"], word(60)),
  ["OpenAI key", joined("sk-", word(48))],
  ["OpenRouter key", joined("sk-or-", "v1-", hex(64))],
  ["Groq key", joined("gsk_", word(52))],
  ["xAI key", joined("xai-", word(80))],
  ["Perplexity key", joined("pplx-", word(48))],
  ["Replicate token", joined("r8_", word(37))],
  ["Hugging Face token", joined("hf_", word(34))],
  ...after("Stripe key", ["sk_live_", "rk_live_"], word(24)),
  ["Stripe webhook secret", joined("whsec_", word(32))],
  ...after("Square token", ["sq0atp-", "sq0csp-"], word(43)),
  ...after("Shopify token", ["shpat_", "shpca_", "shppa_", "shpss_"], hex(32)),
  ["npm token", joined("npm_", word(36))],
  ["PyPI token", joined("pypi-AgE", "IcHlwaS5vcmc", word(60))],
  ["RubyGems key", joined("rubygems_", hex(48))],
  ["NuGet key", joined("oy2", of(LOWER, 43))],
  ...after("Docker token", ["dckr_pat_", "dckr_oat_"], word(27)),
  ["SendGrid key", joined("SG.", word(22), ".", word(43))],
  ["Mailgun key", joined("key-", hex(32))],
  ["Telegram token", joined(of("123456789", 9), ":AA", word(33))],
  ["Twilio key", joined("SK", hex(32))],
  ["Grafana token", joined("glsa_", word(32), "_", hex(8))],
  ["Grafana token", joined("glc_", word(60))],
  ["New Relic key", joined("NRAK-", of(UPPER, 27))],
  ["Sentry token", joined("sntryu_", hex(64))],
  ["Dynatrace token", joined("dt0c01.", of(UPPER, 24), ".", of(UPPER, 64))],
  ["Linear key", joined("lin_api_", word(40))],
  ["Notion token", joined("ntn_", of("0123456789", 11), word(35))],
  ["Figma token", joined("figd_", word(40))],
  ["Postman key", joined("PMAK-", hex(24), "-", hex(34))],
  ["Airtable token", joined("pat", word(14), ".", hex(64))],
  ["Atlassian token", joined("ATATT3", word(60))],
  ["HubSpot token", joined("pat-na1-", hex(8), "-", hex(4), "-", hex(4), "-", hex(4), "-", hex(12))],
  ["Doppler token", joined("dp.pt.", word(43))],
  ...after("Vault token", ["hvs.", "hvb."], word(90)),
  ["Terraform token", joined(word(14), ".atlasv1.", word(67))],
  ["Pulumi token", joined("pul-", hex(40))],
  ["Databricks token", joined("dapi", hex(32))],
  ...after("DigitalOcean token", ["dop_v1_", "doo_v1_", "dor_v1_"], hex(64)),
  ["Supabase token", joined("sbp_", hex(40))],
  ["PlanetScale token", joined("pscale_tkn_", word(43))],
  ["Tailscale key", joined("tskey-auth-", word(17), "-", word(32))],
  ["Buildkite token", joined("bkua_", hex(40))],
  ["Contentful token", joined("CFPAT-", word(43))],
  ["Alibaba key id", joined("LTAI", word(20))],
  ["JFrog key", joined("AKCp", word(69))],
  ["Azure storage key", joined("AccountKey=", word(86), "==")],
  ["Azure client secret", joined(word(3), "8Q~", word(34))],
  ["age secret key", joined("AGE-SECRET-", "KEY-1", of(UPPER, 58))],
  ["private key", joined("-----BEGIN RSA PRIVATE", " KEY-----\n", word(64), "\n-----END RSA PRIVATE", " KEY-----")],
  ["private key", joined("-----BEGIN OPENSSH PRIVATE", " KEY-----\\n", word(64))],
  ["private key", joined("-----BEGIN PRIVATE", " KEY-----\n", word(64))],
  ["JSON Web Token", joined("eyJ", word(30), ".eyJ", word(60), ".", word(43))],
];
