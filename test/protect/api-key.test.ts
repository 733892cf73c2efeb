import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ROLES } from "../../src/model/role.ts";
import { keyIdOf, newApiKey, type NewApiKey, verifyApiKey } from "../../src/protect/api-key.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";
import { countingBytes } from "./random-bytes.ts";

const NOW = 1_700_000_000_000_000_000n;
const made = (change: Partial<NewApiKey> = {}) =>
  newApiKey({ name: "grafana", role: "operations", nowNs: NOW, random: countingBytes(), ...change });

describe("an API key", () => {
  test("proves who holds it, and its record does not hold it", () => {
    const { text, record } = made();
    expect(text).toMatch(/^whk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
    expect(keyIdOf(text)).toBe(record.id);
    expect(verifyApiKey(text, record, NOW)).toEqual({
      kind: "known",
      principal: { keyId: record.id, name: "grafana", role: "operations" },
    });
    expect(JSON.stringify(record)).not.toContain(text.slice(17));
  });

  test("one changed character proves nothing", () => {
    const { text, record } = made();
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom("a", "0", "-", "_", "Z", " ", "é"), (at, letter) => {
        const altered = text.slice(0, at) + letter + text.slice(at + 1);
        fc.pre(altered !== text);
        expect(verifyApiKey(altered, record, NOW)).toEqual({ kind: "refused", why: "unknown" });
      }),
    );
  });

  test("a key of another store, or of no record, is unknown; so is a right key on a record of another id", () => {
    const random = countingBytes();
    const [here, there] = [made({ random }), made({ random })];
    expect(verifyApiKey(there.text, here.record, NOW)).toEqual({ kind: "refused", why: "unknown" });
    expect(verifyApiKey(here.text, undefined, NOW)).toEqual({ kind: "refused", why: "unknown" });
    const moved = { ...here.record, id: there.record.id };
    expect(verifyApiKey(here.text, moved, NOW)).toEqual({ kind: "refused", why: "unknown" });
  });

  test("the same key with two salts has two hashes", () => {
    const { text, record } = made();
    const salted = { ...record, salt: "11".repeat(16) };
    expect(verifyApiKey(text, salted, NOW).kind).toBe("refused");
  });

  test("expires at its time and not before; that it did is told only to its holder", () => {
    const { text, record } = made({ expiresNs: NOW + 5n });
    const at = (nowNs: bigint, key = text) => verifyApiKey(key, { ...record, expires: "2023-11-14T22:13:21Z" }, nowNs);
    expect(at(1_700_000_000_999_999_999n).kind).toBe("known");
    expect(at(1_700_000_001_000_000_000n)).toEqual({ kind: "refused", why: "expired" });
    expect(at(1_700_000_001_000_000_000n, `${text.slice(0, -1)}!`)).toEqual({ kind: "refused", why: "unknown" });
  });

  test("that is revoked is refused, also before it expires", () => {
    const { text, record } = made();
    const revoked = { ...record, revoked: "2023-11-14T22:13:20.000Z" };
    expect(verifyApiKey(text, revoked, NOW)).toEqual({ kind: "refused", why: "revoked" });
  });

  test.each(ROLES)("may have the role %s", (role) => expect(made({ role }).record.role).toBe(role));

  test.each(["", " x", "-x", "a\nb", "a\u001b[31m", "x".repeat(65), "a/b", "../a"])("cannot be named %j", (name) => {
    expect(() => made({ name })).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("cannot be made for the past", () => {
    expect(() => made({ expiresNs: NOW })).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("is told from its form, so that no log shows it", () => {
    const { text } = made();
    expect(redactSecrets(`Authorization: Bearer ${text}.`)).toBe("Authorization: Bearer [Whetstone key].");
  });
});
