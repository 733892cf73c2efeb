import fc from "fast-check";

const text = (characters: string, length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength: length, maxLength: length });

const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const WORD = `${LETTERS}${LETTERS.toLowerCase()}${DIGITS}`;

/** A secret that is told by its form: what has to be gone, and the whole as it is written. */
export type Planted = { readonly secret: string; readonly written: string };

const formed = (prefix: string, body: fc.Arbitrary<string>): fc.Arbitrary<Planted> =>
  body.map((secret) => ({ secret, written: prefix + secret }));

/** Secrets of every form that issuers give them. */
export const plantedForm: fc.Arbitrary<Planted> = fc.oneof(
  formed("AKIA", text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
  formed("ghp_", text(WORD, 36)),
  formed("github_pat_", text(WORD, 40)),
  formed("glpat-", text(WORD, 20)),
  formed("xoxb-", text(WORD, 24)),
  formed("AIza", text(WORD, 35)),
  formed("GOCSPX-", text(WORD, 28)),
  formed("sk-ant-", text(WORD, 40)),
  formed("sk-proj-", text(WORD, 40)),
  formed("sk_live_", text(WORD, 24)),
  formed("npm_", text(WORD, 36)),
  formed(
    "eyJ",
    fc.tuple(text(WORD, 20), text(WORD, 60), text(WORD, 40)).map(([a, b, c]) => `${a}.eyJ${b}.${c}`),
  ),
  formed(
    "Bearer ",
    text(WORD, 24).map((body) => `7${body}`),
  ),
  formed(
    "Basic ",
    text(WORD, 24).map((body) => `7${body}==`),
  ),
  text(WORD, 12).map((secret) => ({ secret, written: `postgres://app:${secret}@db.example/app` })),
  text(WORD, 64).map((secret) => ({
    secret,
    written: `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----`,
  })),
);

/** Names that promise a secret, as programs write them. */
export const SECRET_NAMES: readonly string[] = [
  "password",
  "Password",
  "db_password",
  "DB-PASSWORD",
  "userPassword",
  "passwd",
  "passphrase",
  "secret",
  "clientSecret",
  "client_secret",
  "api_key",
  "apiKey",
  "X-Api-Key",
  "accessKey",
  "aws_secret_access_key",
  "private_key",
  "token",
  "access_token",
  "refreshToken",
  "authorization",
  "Proxy-Authorization",
  "Cookie",
  "Set-Cookie",
  "credentials",
  "jwt",
];

/** What people choose as passwords: anything without the quotes that the tests put around it. */
export const password: fc.Arbitrary<string> = fc
  .string({ unit: "grapheme-ascii", minLength: 8, maxLength: 40 })
  .map((body) => `hunter2${body.replaceAll(/["'`\\<>&\s%]/g, "x")}`);

/** Values that look a little like secrets and are none. */
export const HARMLESS: readonly unknown[] = [
  "550e8400-e29b-41d4-a716-446655440000",
  "d41d8cd98f00b204e9800998ecf8427e",
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
  `data:image/png;base64,${"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat(20)}`,
  { type: "image", mimeType: "image/jpeg", data: `/9j/${"4AAQSkZJRgABAQAAAQABAAD".repeat(40)}` },
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  { max_tokens: 4096, input_tokens: 12, tokens: ["a", "b"], token_count: 3, tokenizer: "cl100k" },
  { nextPageToken: "Q0FVUUFB", pageToken: "x1y2", continuation_token: "abc", progressToken: 7 },
  { password: null, cookie: true, secret: "", token: false },
  { passengers: 3, compass: "north", author: "Ada", keyboard: "qwerty", secretary: "Bob", bypass: "no" },
  "Unexpected token: end of input",
  "The token is used to authenticate; keep your password to yourself.",
  "password: string, token: optional",
  "basic understanding of authentication, bearer of bad news",
  "https://example.org/path?query=1&page=2#top",
  "mailto:someone@example.org, git@github.com:owner/name.git",
  "SELECT id, key FROM authors WHERE author = 'x' AND primary_key = 5",
  "C:\\Users\\ada\\file.txt and 100 %25 of it",
  "PWD=/home/ada OLDPWD=/tmp",
  "eyJpZCI6MX0=",
  "sk-learn, ask-me, task-1234567890123456789012345678901234567890",
  "2026-11-20T14:04:20.123Z",
  "\u{1f600} \u00fc\u4e2d \ud800 lone",
  '{"broken": "json", ',
  [],
  {},
  0,
  null,
];
