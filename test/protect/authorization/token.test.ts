import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TokenClaims } from "../../../src/model/authorization.ts";
import { canonicalJson } from "../../../src/model/json.ts";
import { issueToken, readToken } from "../../../src/protect/authorization/token.ts";
import { useAuthorization } from "../../../src/protect/authorization/use.ts";
import { filesOf, granted, keyOf, openDesk, type TestDesk, USE } from "./desk.ts";
import { refusedFor } from "./refused-for.ts";

let desk: TestDesk;
let token = "";
let claims: TokenClaims;
beforeAll(async () => {
  desk = openDesk();
  token = await granted(desk);
  const reading = readToken(token);
  if (reading.kind !== "read") throw new Error("A token that was just granted cannot be read.");
  claims = reading.token.claims;
});

const payloadOf = (value: unknown): string => Buffer.from(canonicalJson(value)).toString("base64url");
/** A forger's token: other claims, and the signature of the real ones or of a key. */
const forged = (change: Record<string, unknown>): string => {
  const [, , signature] = token.split(".");
  return `wha1.${payloadOf({ ...claims, ...change })}.${signature}`;
};

describe("a token", () => {
  test("says what it was issued for, and its signature holds under its key alone", () => {
    const text = issueToken(claims, keyOf(1));
    const reading = readToken(text);
    expect(text).toBe(token); // Ed25519 is deterministic
    expect(reading).toMatchObject({ kind: "read", token: { claims } });
    if (reading.kind !== "read") throw new Error("unread");
    expect(reading.token.isSignedBy(keyOf(1).publicKey)).toBe(true);
    expect(reading.token.isSignedBy(keyOf(2).publicKey)).toBe(false);
    expect(reading.token.isSignedBy("")).toBe(false);
  });

  test("is refused with every single bit of it flipped, and nothing changes", async () => {
    const before = await filesOf(desk.state);
    const bytes = Buffer.from(token);
    const reasons = new Map<string, number>();
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const error: unknown = await useAuthorization(desk, altered.toString("latin1"), USE).catch(
        (thrown: unknown) => thrown,
      );
      const reason = (error as { data?: { reason?: string } }).data?.reason ?? "none";
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    // A bit of `repository` or `kid` names another repository or key; all others break the form or the signature.
    expect([...reasons.keys()].sort()).toEqual([
      "authorization_repository",
      "key_unknown",
      "token_malformed",
      "token_signature",
    ]);
    expect(await filesOf(desk.state)).toEqual(before);
  });

  test("is refused when it is cut off anywhere, or something follows", async () => {
    for (let length = 0; length < token.length; length += 1) {
      expect(readToken(token.slice(0, length))).toMatchObject({
        kind: "refused",
        refusal: { reason: "token_malformed" },
      });
    }
    for (const text of [
      `${token}A`,
      `${token}\n`,
      ` ${token}`,
      `${token}.`,
      token.replace("wha1", "wha2"),
      `${token}==`,
    ]) {
      expect(readToken(text)).toMatchObject({ kind: "refused", refusal: { reason: "token_malformed" } });
    }
  });

  const CHANGED: Readonly<Record<keyof TokenClaims, unknown>> = {
    kid: "0123456789abcdef",
    id: "a-20251009T085320Z-00000b",
    repository: "f".repeat(32),
    operation: "backup.restore",
    target: "other",
    subject: "0".repeat(64),
    request: "0".repeat(64),
    actor: { type: "person", id: "mallory" },
    grantedBy: { type: "person", id: "bob" },
    grantedAt: "2025-10-09T08:00:00.000Z",
    expiresAt: "2035-10-09T08:53:20.000Z",
  };
  const OWN_REASON: Partial<Record<string, string>> = { repository: "authorization_repository", kid: "key_unknown" };

  test.each(Object.keys(TokenClaims.shape))("is refused with another %s under the old signature", async (field) => {
    const text = forged({ [field]: CHANGED[field as keyof TokenClaims] });
    await expect(useAuthorization(desk, text, USE)).rejects.toMatchObject(
      refusedFor(OWN_REASON[field] ?? "token_signature"),
    );
  });

  test.each(Object.keys(TokenClaims.shape))(
    "is refused with another %s, also when signed by the very key that granted",
    async (field) => {
      const text = issueToken({ ...claims, [field]: CHANGED[field as keyof TokenClaims] } as TokenClaims, keyOf(1));
      const reason = { ...OWN_REASON, id: "authorization_unknown" }[field] ?? "authorization_altered";
      await expect(useAuthorization(desk, text, USE)).rejects.toMatchObject(refusedFor(reason));
    },
  );

  test.each(Object.keys(TokenClaims.shape))("is no token without %s", (field) => {
    expect(readToken(forged({ [field]: undefined })).kind).toBe("refused");
  });

  test("has one spelling: other white space, order or members of the claims are refused before the signature", () => {
    const text = canonicalJson(claims);
    const spellings = [
      JSON.stringify(claims, undefined, 1),
      text.replace("{", '{"also":1,'),
      text.replace("}", ',"id":"a-20251009T085320Z-00000a"}'),
      JSON.stringify(Object.fromEntries(Object.entries(claims).toReversed())),
      "null",
      "[]",
      "{",
    ].filter((spelling) => spelling !== text);
    expect(spellings).toHaveLength(7);
    for (const spelling of spellings) {
      const head = `wha1.${Buffer.from(spelling).toString("base64url")}`;
      const signed = `${head}.${Buffer.from(keyOf(1).sign(Buffer.from(head))).toString("base64url")}`;
      expect(readToken(signed)).toMatchObject({ kind: "refused", refusal: { reason: "token_malformed" } });
    }
  });

  test("any text is read or refused, never thrown over", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `wha1.${text}.${"A".repeat(86)}`),
          fc.base64String(),
        ),
        (text) => {
          expect(readToken(text).kind).toBe("refused");
        },
      ),
    );
  });

  test("after all of that, it still works once", async () => {
    expect((await useAuthorization(desk, token, USE)).use).toMatchObject({ by: USE.actor });
    await expect(useAuthorization(desk, token, USE)).rejects.toMatchObject(refusedFor("authorization_used"));
  });
});
