import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { manualClock } from "../../src/model/time.ts";
import { newApiKey } from "../../src/protect/api-key.ts";
import { createAuthenticator } from "../../src/protect/authenticate.ts";
import { memoryKeys } from "../../src/protect/key-store.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";
import { countingBytes } from "./random-bytes.ts";

const SECRET = new Uint8Array(32).fill(7);

async function setUp(secret = SECRET) {
  const clock = manualClock();
  const keys = memoryKeys();
  const { text, record } = newApiKey({ name: "ci", role: "developer", nowNs: clock.now(), random: countingBytes() });
  await keys.add(record);
  const authenticator = createAuthenticator({ keys, signer: { secret, lifetimeMs: 60_000 }, clock });
  const principal = { keyId: record.id, name: "ci", role: "developer" } as const;
  return { clock, keys, text, record, authenticator, principal, token: authenticator.issue(principal).token };
}

describe("a session token", () => {
  test("proves what its key proves, until it ends", async () => {
    const { authenticator, token, principal, clock } = await setUp();
    expect(await authenticator.identify(`Bearer ${token}`)).toEqual({ kind: "known", principal, via: "session" });
    clock.advance(59_999);
    expect((await authenticator.identify(`Bearer ${token}`)).kind).toBe("known");
    clock.advance(1);
    expect(await authenticator.identify(`Bearer ${token}`)).toMatchObject({ kind: "refused", why: "expired" });
  });

  test("ends with its key: revoked, or gone", async () => {
    const { authenticator, token, keys, record, clock } = await setUp();
    await keys.revoke(record.id, clock.now());
    expect(await authenticator.identify(`Bearer ${token}`)).toMatchObject({ kind: "refused", why: "revoked" });
    const elsewhere = createAuthenticator({ keys: memoryKeys(), signer: { secret: SECRET }, clock });
    expect(await elsewhere.identify(`Bearer ${token}`)).toMatchObject({ kind: "refused", why: "revoked" });
  });

  test("one changed, added or lost character proves nothing", async () => {
    const { authenticator, token } = await setUp();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: token.length }),
        fc.constantFrom("", "A", "x", ".", "="),
        async (at, put) => {
          for (const altered of [
            token.slice(0, at) + put + token.slice(at),
            token.slice(0, at) + put + token.slice(at + 1),
          ]) {
            if (altered === token) continue;
            expect(await authenticator.identify(`Bearer ${altered}`)).toMatchObject({
              kind: "refused",
              why: "unknown",
            });
          }
        },
      ),
    );
  });

  test.each([
    ["by another secret", new Uint8Array(32).fill(8)],
    ["by an empty secret", new Uint8Array(0)],
  ])("signed %s is unknown", async (_, secret) => {
    const { authenticator } = await setUp();
    const { token } = await setUp(secret);
    expect(await authenticator.identify(`Bearer ${token}`)).toMatchObject({ kind: "refused", why: "unknown" });
  });

  test.each(["none", "HS256"])("written as a JSON Web Token with the algorithm %s is unknown", async (alg) => {
    const { authenticator, record } = await setUp();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const head = `whs_${part({ alg })}.${part({ key: record.id, issued: 0, expires: 9e15 })}`;
    const mac = alg === "none" ? "" : createHmac("sha256", SECRET).update(head).digest("base64url");
    expect(await authenticator.identify(`Bearer ${head}.${mac}`)).toMatchObject({ kind: "refused", why: "unknown" });
  });

  test("is told from its form, so that no log shows it", async () => {
    expect(redactSecrets(`token ${(await setUp()).token} used`)).toBe("token [Whetstone key] used");
  });
});

describe("an Authorization header", () => {
  test("holds a key after the word Bearer in any case", async () => {
    const { authenticator, text, principal } = await setUp();
    for (const header of [`Bearer ${text}`, `bearer  ${text} `, `BEARER ${text}`])
      expect(await authenticator.identify(header)).toEqual({ kind: "known", principal, via: "key" });
  });

  test.each([undefined, "", "Bearer", "Bearer ", "Basic dTpw", "whk_x", "Bearer a b"])(
    "%j is no credential",
    async (header) => {
      const { authenticator } = await setUp();
      expect(await authenticator.identify(header)).toEqual({ kind: "refused", why: "missing" });
    },
  );

  test.each([
    "x",
    "whk_../../etc/passwd",
    `whk_${"0".repeat(12)}_${"A".repeat(43)}`,
    "x".repeat(100_000),
    "whs_",
    "whs_.",
    "whs_a.b",
  ])("%.40j is unknown", async (text) => {
    const { authenticator } = await setUp();
    expect(await authenticator.identify(`Bearer ${text}`)).toMatchObject({ kind: "refused", why: "unknown" });
  });
});
