import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openMemoryState } from "../../../src/github/memory-state.ts";
import { assertMayGrant, grantAuthorization, revokeAuthorization } from "../../../src/protect/authorization/grant.ts";
import { announceTo, memoryNotifier } from "../../../src/protect/authorization/ports.ts";
import { listAuthorizations, readAuthorization, readKey } from "../../../src/protect/authorization/records.ts";
import { configuredRoles } from "../../../src/protect/authorization/roles.ts";
import { isSamePerson, standingOf } from "../../../src/protect/authorization/rules.ts";
import { baseSubject, changeSubject, stateSubject } from "../../../src/protect/authorization/subject.ts";
import { useAuthorization } from "../../../src/protect/authorization/use.ts";
import { verifyLedger } from "../../../src/protect/ledger.ts";
import { operationOf } from "../../../src/protect/operations.ts";
import {
  acts,
  ALICE,
  ask,
  BOB,
  BOT,
  filesOf,
  granted,
  ID,
  keyOf,
  openDesk,
  publishKey,
  type TestDesk,
  USE,
} from "./desk.ts";
import { refusedFor } from "./refused-for.ts";

let desk: TestDesk;
beforeEach(() => {
  desk = openDesk();
});
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe("request, grant, use", () => {
  test("leave a record each, in the ledger too, and the token nowhere", async () => {
    const token = await granted(desk);
    const used = await useAuthorization(desk, token, USE);
    expect(used).toMatchObject({
      request: {
        operation: "resume",
        risk: { level: "high" },
        role: "admin",
        expiresAt: "2025-10-09T09:23:20.000Z",
      },
      grant: { by: ALICE, kid: keyOf(1).kid },
      use: { by: BOT },
    });
    expect(await acts(desk.state)).toEqual([
      "authorization.request none ok",
      "authorization.grant allow ok",
      "resume allow ok",
    ]);
    expect(await verifyLedger(await desk.state.view())).toMatchObject({ ok: true, records: 3 });
    const view = await desk.state.view();
    for (const path of await view.list("")) {
      const text = await view.read(path);
      expect(text).not.toContain(token);
      expect(text).not.toContain(token.split(".")[2]);
    }
  });

  test("an id that is on record is refused, and the request there stays as it was", async () => {
    await ask(desk);
    const before = await filesOf(desk.state);
    await expect(ask(desk, { target: "other" })).rejects.toMatchObject(refusedFor("authorization_reused"));
    expect(await filesOf(desk.state)).toEqual(before);
  });

  test("people are told of a request", async () => {
    const notifier = memoryNotifier();
    const lines: string[] = [];
    const request = await ask(desk);
    await notifier.requested(request);
    await announceTo((line) => void lines.push(line)).requested(request);
    expect(notifier.told).toEqual([request]);
    expect(lines).toEqual([expect.stringContaining(`whetstone authorize grant ${ID}`)]);
  });
});

describe("a grant is refused", () => {
  const grant = (by = ALICE) => assertMayGrant(desk, { id: ID, by });

  test.each([
    ["a bot, its own request or another's", BOT, "person_needed"],
    ["a workflow", { type: "workflow", id: "loop.yml" } as const, "person_needed"],
    ["somebody without a role", BOB, "role_missing"],
    ["somebody with too small a role", { type: "person", id: "carol" } as const, "role_missing"],
  ])("to %s", async (_name, by, reason) => {
    desk.roleOf.set("whetstone", "admin").set("loop.yml", "admin");
    await ask(desk);
    const before = await filesOf(desk.state);
    await expect(grant(by)).rejects.toMatchObject(refusedFor(reason));
    await publishKey(desk, { key: keyOf(2), owner: by });
    await expect(grantAuthorization(desk, { id: ID, by, key: keyOf(2) })).rejects.toMatchObject(refusedFor(reason));
    expect(await filesOf(desk.state)).toMatchObject(before);
    expect((await acts(desk.state)).at(-1)).toBe(`authorization.grant deny ${reason}`);
  });

  test.each([
    ["who asked for it", { requestedBy: ALICE }],
    ["who wrote the change", { author: "alice" }],
    ["who wrote it under a name that differs by case", { author: "ALICE" }],
  ])("to the person %s, where the two-person rule is on, and only there", async (_name, options) => {
    await ask(desk, options);
    expect((await grant()).request.id).toBe(ID);
    desk = { ...desk, rules: async () => ({ twoPerson: true, expiryMinutes: 30 }) };
    await expect(grant()).rejects.toMatchObject(refusedFor("two_person"));
  });

  test("under the two-person rule not to people who have no hand in it", async () => {
    desk = { ...desk, rules: async () => ({ twoPerson: true, expiryMinutes: 30 }) };
    await ask(desk, { author: "bob", requestedBy: BOB });
    expect((await grant()).request.id).toBe(ID);
  });

  test("twice, after use, after revocation, after expiry, and for an id that nobody asked for", async () => {
    await expect(grant()).rejects.toMatchObject(refusedFor("authorization_unknown"));
    const token = await granted(desk);
    await expect(grant()).rejects.toMatchObject(refusedFor("authorization_decided"));
    await useAuthorization(desk, token, USE);
    await expect(grant()).rejects.toMatchObject(refusedFor("authorization_decided"));
    const other = "a-20251009T085320Z-00000c";
    await ask(desk, { id: other });
    desk.clock.advance(30 * MINUTE);
    await expect(assertMayGrant(desk, { id: other, by: ALICE })).rejects.toMatchObject(
      refusedFor("authorization_expired"),
    );
  });

  test("with somebody else's key, an unknown or a retired one", async () => {
    await ask(desk);
    const by = ALICE;
    await expect(grantAuthorization(desk, { id: ID, by, key: keyOf(5) })).rejects.toMatchObject(
      refusedFor("key_unknown"),
    );
    await publishKey(desk, { key: keyOf(5), owner: BOB });
    await expect(grantAuthorization(desk, { id: ID, by, key: keyOf(5) })).rejects.toMatchObject(
      refusedFor("key_unknown"),
    );
  });
});

describe("a token is refused", () => {
  const use = (token: string, change: Partial<typeof USE> = {}) => useAuthorization(desk, token, { ...USE, ...change });

  test.each([
    ["another operation", { operation: operationOf("backup.restore") }, "authorization_operation"],
    ["another target", { target: "other" }, "authorization_target"],
    ["another state of the same thing", { subject: stateSubject({ stopped: "again" }) }, "digest_mismatch"],
    ["somebody else", { actor: BOB }, "authorization_actor"],
    ["a person of the bot's name", { actor: { type: "person", id: BOT.id } }, "authorization_actor"],
  ])("for %s", async (_name, change, reason) => {
    const token = await granted(desk);
    const before = await filesOf(desk.state);
    await expect(use(token, change as Partial<typeof USE>)).rejects.toMatchObject(refusedFor(reason));
    expect(await filesOf(desk.state)).toEqual(before);
    await use(token);
  });

  test("in another repository, whose records and keys are copies", async () => {
    const token = await granted(desk);
    const files = {
      ...(await filesOf(desk.state)),
      "repository.json": '{"id":"00000000000000000000000000000000","schema":"whetstone.repository/1"}\n',
    };
    const elsewhere = openMemoryState();
    await elsewhere.update("copy", async () => ({
      change: new Map(Object.entries(files).map(([path, text]) => [path, text ?? null])),
      value: undefined,
    }));
    await expect(useAuthorization({ ...desk, state: elsewhere }, token, USE)).rejects.toMatchObject(
      refusedFor("authorization_repository"),
    );
    await expect(useAuthorization({ ...desk, state: openMemoryState() }, token, USE)).rejects.toMatchObject(
      refusedFor("authorization_repository"),
    );
  });

  test("at the instant of expiry and one second later, not one millisecond before", async () => {
    const token = await granted(desk);
    desk.clock.advance(30 * MINUTE);
    await expect(use(token)).rejects.toMatchObject(refusedFor("authorization_expired"));
    desk.clock.advance(SECOND);
    await expect(use(token)).rejects.toMatchObject(refusedFor("authorization_expired"));
    desk.clock.advance(-SECOND - 1);
    expect((await use(token)).use).not.toBeNull();
  });

  test("on a clock more than 60 s behind the one that granted, not at 60 s", async () => {
    const token = await granted(desk);
    desk.clock.advance(-60 * SECOND - 1);
    await expect(use(token)).rejects.toMatchObject(refusedFor("authorization_early"));
    desk.clock.advance(1);
    expect((await use(token)).use).not.toBeNull();
  });

  test("after it was revoked, by who asked or who holds a role, not by others", async () => {
    const token = await granted(desk);
    await expect(revokeAuthorization(desk, { id: ID, by: BOB, why: null })).rejects.toMatchObject(
      refusedFor("role_missing"),
    );
    await revokeAuthorization(desk, { id: ID, by: BOT, why: "not needed" });
    await expect(use(token)).rejects.toMatchObject(refusedFor("authorization_revoked"));
    await expect(revokeAuthorization(desk, { id: ID, by: ALICE, why: null })).rejects.toMatchObject(
      refusedFor("authorization_decided"),
    );
  });

  test("when who granted it has lost the role since", async () => {
    const token = await granted(desk);
    desk.roleOf.set("alice", "operator");
    await expect(use(token)).rejects.toMatchObject(refusedFor("role_missing"));
  });

  test("when the request was changed after the grant", async () => {
    const token = await granted(desk);
    const path = `authorizations/${ID}.json`;
    await desk.state.update("tamper", async (view) => {
      const text = (await view.read(path)) ?? "";
      return { change: new Map([[path, text.replace("The loop goes on.", "Nothing happens.")]]), value: undefined };
    });
    await expect(use(token)).rejects.toMatchObject(refusedFor("authorization_altered"));
  });
});

describe("records", () => {
  test("that are damaged, or lie under another name, are errors that name the file", async () => {
    await granted(desk);
    const view = await desk.state.view();
    const [text, key] = [
      await view.read(`authorizations/${ID}.json`),
      await view.read(`authorization-keys/${keyOf(1).kid}.json`),
    ];
    const other = "a-20251009T085320Z-0000ff";
    const files = {
      [`authorizations/${other}.json`]: text,
      "authorization-keys/0123456789abcdef.json": key,
      "repository.json": "{",
    };
    await desk.state.update("tamper", async () => ({
      change: new Map(Object.entries(files).map(([path, one]) => [path, one ?? ""])),
      value: undefined,
    }));
    const after = await desk.state.view();
    for (const reading of [
      readAuthorization(after, other),
      listAuthorizations(after),
      readKey(after, "0123456789abcdef"),
    ]) {
      await expect(reading).rejects.toMatchObject({
        code: "input_unreadable",
        remedy: expect.stringContaining("git log -p"),
      });
    }
    await expect(ask(desk, { id: "a-20251009T085320Z-0000aa" })).rejects.toMatchObject({ code: "input_unreadable" });
  });

  test("of ids that are none do not exist", async () => {
    const view = await desk.state.view();
    expect([await readAuthorization(view, "../repository"), await readKey(view, "../x")]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("stand as their last act says", async () => {
    const token = await granted(desk);
    const read = async () => {
      const found = await readAuthorization(await desk.state.view(), ID);
      return found && standingOf(found, desk.clock.now());
    };
    expect(await read()).toBe("granted");
    desk.clock.advance(30 * MINUTE);
    expect(await read()).toBe("expired");
    desk.clock.advance(-MINUTE);
    await useAuthorization(desk, token, USE);
    desk.clock.advance(60 * MINUTE);
    expect(await read()).toBe("used");
  });
});

describe("roles and names", () => {
  const table = { operator: ["carol", "alice"], admin: ["Alice"] };

  test("the highest counts, for persons only, whatever the case", async () => {
    const { authorityOf } = configuredRoles(table, { unconfigured: "admin" });
    const person = (id: string) => authorityOf({ type: "person", id });
    expect([await person("alice"), await person("CAROL"), await person("bob")]).toEqual([
      "admin",
      "operator",
      undefined,
    ]);
    expect(await authorityOf({ type: "bot", id: "alice" })).toBeUndefined();
  });

  test("a table that names nobody leaves them to the place", async () => {
    for (const unconfigured of ["admin", undefined] as const) {
      expect(await configuredRoles({ admin: [] }, { unconfigured }).authorityOf(BOB)).toBe(unconfigured);
    }
    expect(await configuredRoles({}, { unconfigured: "admin" }).authorityOf(BOT)).toBeUndefined();
  });

  test("a person is the same whatever the case, and nobody else", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{1,8}$/), (a, b) => {
        expect(isSamePerson(a, b.toUpperCase())).toBe(a === b);
      }),
    );
  });

  test("subjects of different things differ", () => {
    const [one, two] = ["1".repeat(40), "2".repeat(40)] as const;
    const digests = [
      baseSubject("a", one),
      baseSubject("a", two),
      baseSubject("b", one),
      changeSubject("1".repeat(64)),
      stateSubject(1),
    ];
    expect(new Set(digests.map(({ digest }) => digest)).size).toBe(digests.length);
  });
});
