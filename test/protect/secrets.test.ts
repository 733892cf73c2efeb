import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Patch, PatchLine } from "../../src/protect/patch-form.ts";
import { entropyBits, judgeSafety } from "../../src/protect/secrets.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";

const patchOf = (lines: readonly PatchLine[]): Patch => ({
  bytes: 1,
  files: [
    {
      status: "modified",
      oldPath: "src/a.ts",
      newPath: "src/a.ts",
      binary: false,
      hunks: [{ oldStart: 10, oldLines: 2, newStart: 12, newLines: 3, lines }],
    },
  ],
});
const context = { kind: "context", text: "c", eol: true } as const;
const added = (text: string): PatchLine => ({ kind: "add", text, eol: true });
const judge = (text: string) => judgeSafety(patchOf([context, added(text)]));

// Put together here so that no scanner takes the test itself for a leak.
const fill = (alphabet: string, length: number) =>
  Array.from({ length }, (_, i) => alphabet[(i * 7) % alphabet.length]).join("");
const ALPHANUMERIC = "aB3dE5gH1jK9mN0pQ2sT4vW6xY8zC7";
const SECRETS: readonly (readonly [string, string])[] = [
  ["AWS access key id", `AKIA${fill("ABCDEFGH234567", 16)}`],
  ["AWS secret access key", `aws_secret_access_key = "${fill(ALPHANUMERIC, 40)}"`],
  ["GitHub token", `ghp_${fill(ALPHANUMERIC, 36)}`],
  ["GitHub token", `github_pat_${fill(ALPHANUMERIC, 40)}`],
  ["GitLab token", `glpat-${fill(ALPHANUMERIC, 20)}`],
  ["Slack token", `xoxb-${fill("0123456789", 24)}`],
  ["Slack webhook", `https://hooks.slack.com/services/T0AB/B0CD/${fill(ALPHANUMERIC, 24)}`],
  ["Google API key", `AIza${fill(ALPHANUMERIC, 35)}`],
  ["Google OAuth secret", `GOCSPX-${fill(ALPHANUMERIC, 28)}`],
  ["Anthropic key", `sk-ant-api03-${fill(ALPHANUMERIC, 40)}`],
  ["OpenAI key", `sk-proj-${fill(ALPHANUMERIC, 40)}`],
  ["OpenAI key", `sk-${fill(ALPHANUMERIC, 48)}`],
  ["Stripe key", `sk_live_${fill(ALPHANUMERIC, 24)}`],
  ["npm token", `npm_${fill(ALPHANUMERIC, 36)}`],
  ["private key", `-----BEGIN ${"RSA PRIVATE"} KEY-----`],
  ["private key", `-----BEGIN ${"OPENSSH PRIVATE"} KEY-----`],
  ["JSON Web Token", `eyJ${fill(ALPHANUMERIC, 20)}.eyJ${fill(ALPHANUMERIC, 20)}.${fill(ALPHANUMERIC, 30)}`],
  ["assigned literal", `const password = "${fill(ALPHANUMERIC, 14)}";`],
  ["assigned literal", `"api_key": '${fill(ALPHANUMERIC, 20)}',`],
  ["assigned literal", `config["secret"] = \`${fill(ALPHANUMERIC, 20)}\``],
  ["password in a URL", `postgres://admin:${fill(ALPHANUMERIC, 9)}@db/x`],
  ["password in a URL", `https://admin:${fill(ALPHANUMERIC, 9)}@example.com.internal.net/x`],
  ["password in a URL", `amqp://admin:password${fill(ALPHANUMERIC, 5)}@queue`],
  ["assigned literal", `token: "token-${fill(ALPHANUMERIC, 16)}"`],
  ["assigned literal", `secret: "/${fill(ALPHANUMERIC, 30)}"`],
];

describe("judgeSafety", () => {
  test.each(SECRETS)("finds: %s (%#)", (kind, text) => {
    const verdict = judge(`  x(${text})`);
    expect(verdict).toEqual({
      verdict: "fail",
      reasons: ["secret_found"],
      details: [`"src/a.ts", line 13: looks like a secret (${kind}).`],
    });
  });

  test.each(SECRETS)("never prints it: %s (%#)", (_kind, text) => {
    expect(JSON.stringify(judge(text))).not.toContain(text.slice(-12));
  });

  test.each([
    "const token = process.env.API_TOKEN;",
    'password = "${DB_PASSWORD}"',
    'password: "<your password>"',
    'apiKey: "YOUR_API_KEY_EXAMPLE"',
    'const secret = "secret";',
    'tokenUrl = "auth/token-exchange"',
    'password: "please enter your password here"',
    'token: "xxxxxxxxxxxxxxxx"',
    "postgres://user:${PASSWORD}@db/x",
    "http://localhost:3000/@scope/x",
    "https://admin:hunter2abc@db.example.com/x",
    "https://admin:hunter2abc@db.test:5432",
    "postgres://user:password@localhost/db",
    "mongodb://someuser:somepassword@somehost:381/db",
    'clientSecret: "1234567890abcdef1234567890abcdef12345678"',
    'access_token: "useraccesstoken123"',
    'lastSignificantToken = "?InterpolationInTemplate"',
    '"PWD": "/Users/maciej"',
    "sk-learn and npm_config_registry",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    `const digest = "${fill("0123456789abcdef", 64)}";`,
  ])("lets pass: %s", (text) => {
    expect(judge(text).verdict).toBe("pass");
  });

  test("looks at added lines only", () => {
    const secret = `ghp_${fill(ALPHANUMERIC, 36)}`;
    for (const kind of ["context", "remove"] as const) {
      expect(judgeSafety(patchOf([{ kind, text: secret, eol: true }, added("x")])).verdict).toBe("pass");
    }
  });

  test("counts lines of the new file", () => {
    const removed = { kind: "remove", text: "r", eol: true } as const;
    const lines = [removed, context, removed, added("x"), added(`ghp_${fill(ALPHANUMERIC, 36)}`)];
    expect(judgeSafety(patchOf(lines)).details[0]).toContain("line 14");
  });

  test("names twenty and counts the rest", () => {
    const lines = Array.from({ length: 25 }, () => added(`npm_${fill(ALPHANUMERIC, 36)}`));
    const { details } = judgeSafety(patchOf(lines));
    expect(details).toHaveLength(21);
    expect(details.at(-1)).toBe("5 more of 25.");
  });

  test("a secret is found wherever it stands in a line", () => {
    const around = fc.string({ unit: "grapheme-ascii" }).map((text) => text.replaceAll(/[A-Za-z0-9_-]/g, " "));
    fc.assert(
      fc.property(around, around, fc.constantFrom(...SECRETS.slice(0, 17)), (before, after, [kind, secret]) => {
        expect(judge(before + secret + after).details.join()).toContain(kind);
      }),
    );
  });

  test("random characters behind `password =` are found", () => {
    const random = fc.string({
      unit: fc.constantFrom(...Array.from("abcdefghijkmnopqrstuvwyzABCDEFGHJKLMNPQRSTUVWYZ23456789")),
      minLength: 20,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        random.filter((text) => /\d/.test(text) && new Set(text).size > 12 && !/dummy/i.test(text)),
        (secret) => {
          expect(judge(`password = "${secret}"`).verdict).toBe("fail");
        },
      ),
    );
  });
});

test("entropyBits: known values", () => {
  expect(entropyBits("aaaa")).toBeCloseTo(0);
  expect(entropyBits("abab")).toBeCloseTo(1);
  expect(entropyBits("abcdefgh")).toBeCloseTo(3);
});

test.each(SECRETS.slice(0, 17))("redactSecrets puts the kind in its place: %s (%#)", (kind, text) => {
  const redacted = redactSecrets(`before ${text} after, ${text}`);
  expect(redacted).toContain(`[${kind}]`);
  expect(redacted).toContain("before ");
  expect(redacted).not.toContain(text);
});

describe("binary contents", () => {
  const binary = (data: Uint8Array, form: "literal" | "delta" = "literal"): Patch => ({
    bytes: 1,
    files: [
      {
        status: "modified",
        oldPath: "src/a.bin",
        newPath: "src/a.bin",
        binary: true,
        hunks: [],
        content: { forward: { form, data, size: data.length }, oldId: "1".repeat(40), newId: "2".repeat(40) },
      },
    ],
  });
  const NOISE = Buffer.from(Array.from({ length: 500 }, (_, n) => (n * 89 + (n >> 3)) % 256));

  test.each(SECRETS)("a %s between other bytes is found, whatever the encoding, and never shown (%#)", (kind, text) => {
    for (const encoding of ["utf8", "utf16le"] as const) {
      for (const form of ["literal", "delta"] as const) {
        const end = Buffer.from("\n".repeat(2), encoding);
        const bytes = Buffer.concat([NOISE, end, Buffer.from(text, encoding), end, NOISE]);
        const verdict = judgeSafety(binary(bytes, form));
        expect(verdict).toMatchObject({ verdict: "fail", reasons: ["secret_found"] });
        expect(verdict.details).toContain(`"src/a.bin", binary content: looks like a secret (${kind}).`);
      }
    }
  });

  test("bytes without one are none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(judgeSafety(binary(bytes))).toMatchObject({ verdict: "pass", reasons: ["ok"] });
      }),
    );
  });
});
