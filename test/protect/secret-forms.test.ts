import { lintSource } from "@secretlint/core";
import { creator } from "@secretlint/secretlint-rule-preset-recommend";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { mayHoldSecret, SECRET_PATTERNS } from "../../src/protect/secret-forms.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";
import { HARMLESS } from "./planted.ts";
import { SECRET_CORPUS } from "./secret-corpus.ts";

/** Where secrets stand: in code, configuration, logs, commands and prose. */
const PLACES: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `const key = "${secret}";`,
  (secret) => `export API=${secret}\n`,
  (secret) => `{"a":"${secret}","b":1}`,
  (secret) => `2026-11-20 request with ${secret} refused`,
  (secret) => `(${secret})`,
  (secret) => `first\n${secret}\nlast`,
];

const preset = { id: "@secretlint/secretlint-rule-preset-recommend", rule: creator, options: {} };
/** Findings of a set of rules that others keep up to date. */
async function othersFind(content: string): Promise<readonly string[]> {
  const source = { filePath: "/a.txt", content, contentType: "text" as const };
  const { messages } = await lintSource({ source, options: { config: { rules: [preset] } } });
  return messages.map(({ ruleId, range }) => `${ruleId}: ${content.slice(...range)}`);
}

describe("secrets of known forms", () => {
  test("there are more than sixty", () => {
    expect(SECRET_CORPUS.length).toBeGreaterThan(60);
  });

  test.each(SECRET_CORPUS)("%s (%#) is found and taken out wherever it stands", (kind, secrets) => {
    fc.assert(
      fc.property(secrets, fc.constantFrom(...PLACES), (secret, place) => {
        const text = place(secret);
        expect(mayHoldSecret(text)).toBe(true);
        const redacted = redactSecrets(text);
        expect(redacted).toContain(`[${kind}]`);
        expect(redacted).not.toContain(secret);
        for (const part of secret.split(/[^A-Za-z0-9]+/).filter((word) => word.length > 20))
          expect(redacted).not.toContain(part);
      }),
      { numRuns: 40 },
    );
  });

  test("none of the quick looks passes over what a pattern finds", () => {
    const pieces = fc.oneof(...SECRET_CORPUS.map(([, secrets]) => secrets), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(pieces, fc.nat(), fc.nat(4)), { minLength: 1, maxLength: 4 }), (parts) => {
        // Also secrets that were damaged, of which some are still of the form.
        const text = parts
          .map(
            ([piece, at, cut]) =>
              piece.slice(0, at % (piece.length + 1)) + piece.slice((at % (piece.length + 1)) + cut),
          )
          .join(" ");
        const found = SECRET_PATTERNS.some(({ pattern }) => text.search(pattern) >= 0);
        if (found) expect(mayHoldSecret(text)).toBe(true);
        expect(redactSecrets(text) !== text).toBe(found);
      }),
      { numRuns: 2_000 },
    );
  });

  test("what a kept set of rules finds in them is found here too", async () => {
    let agreed = 0;
    for (const [kind, secrets] of SECRET_CORPUS) {
      const [secret = ""] = fc.sample(secrets, { numRuns: 1, seed: 7 });
      const text = `const value = '${secret}';\n`;
      if ((await othersFind(text)).length === 0) continue;
      agreed += 1;
      expect({ kind, left: await othersFind(redactSecrets(text)) }).toEqual({ kind, left: [] });
    }
    expect(agreed).toBeGreaterThan(25);
  });

  test("what only looks a little like one stays", () => {
    for (const value of HARMLESS) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      expect(redactSecrets(text)).toBe(text);
    }
  });
});
