import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { grantHere, type Wish } from "../../../src/app/approval/grant.ts";
import { waitingCommand } from "../../../src/app/approval/waiting.ts";
import type { RepositoryAccess } from "../../../src/app/repository.ts";
import type { Actor } from "../../../src/model/ledger.ts";
import { listAuthorizations, readAuthorization } from "../../../src/protect/authorization/records.ts";
import { stateSubject } from "../../../src/protect/authorization/subject.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { assertPermit } from "../../../src/protect/permit.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";

nock.restore();

const ADA: Actor = { type: "person", id: "ada" };
const GRACE: Actor = { type: "person", id: "grace" };
const BOT: Actor = { type: "bot", id: "renovate[bot]" };
const TWO_PERSON = { "whetstone.yaml": "version: 1\nprotection: { twoPerson: true }\n" };

let place: Counterpart;
const open = async (files?: Readonly<Record<string, string>>) => {
  place = await startCounterpart(files === undefined ? {} : { files });
  await place.github.backend.ask("POST", "issues", { title: "talk" });
  place.github.backend.people.permissions.set("ada", "admin").set("grace", "maintain");
};
beforeEach(() => void (place = undefined as unknown as Counterpart));
afterEach(async () => {
  expect(place.github.violations).toEqual([]);
  await place[Symbol.asyncDispose]();
});

const wish = (change: Partial<Wish<"canary.promote">> = {}): Wish<"canary.promote"> => ({
  operation: "canary.promote",
  target: "notes",
  subject: stateSubject({ pull: 1 }),
  by: ADA,
  run: "delivery-1",
  ...change,
});
const ASKED = { conversation: 1, word: "promote", rest: "" };
const authorizations = async () => listAuthorizations(await place.repository.desk.state.view());
const acts = async () =>
  (await readLedger(await place.repository.desk.state.view())).records.map(
    ({ operation, decision, actor, reasonCode }) => `${operation} ${decision} ${reasonCode} by ${actor.id}`,
  );
const consenting = (by: Actor, id: string): RepositoryAccess => ({
  ...place.repository,
  asked: ASKED,
  consent: { by, id },
});
const waitingId = async (change: Partial<Wish<"canary.promote">> = {}): Promise<string> => {
  const refused = await grantHere({ ...place.repository, asked: ASKED }, wish(change));
  if (refused.kind !== "refused" || refused.waiting === undefined) throw new Error(JSON.stringify(refused));
  return refused.waiting.id;
};

describe("a permission that is asked for, granted and used in one handling", () => {
  test("gives a permit for one act, on record in the ledger; no token is left anywhere", async () => {
    await open();
    const granted = await grantHere(place.repository, wish());
    if (granted.kind !== "permitted") throw new Error(JSON.stringify(granted));
    expect(granted.permit).toMatchObject({ operation: "canary.promote", actor: ADA, target: "notes" });
    assertPermit(granted.permit, "canary.promote");
    expect(() => assertPermit(granted.permit, "canary.promote")).toThrow(/without a permit/);
    expect(await acts()).toEqual([
      "authorization.request none ok by ada",
      "authorization.key.publish allow ok by ada",
      "authorization.grant allow ok by ada",
      "canary.promote allow ok by ada",
    ]);
    const files = await place.github.backend.files("whetstone/state");
    expect(Object.values(files).join("\n")).not.toContain("wha1.");
    expect(place.lines.join("\n")).not.toContain("wha1.");
  });

  test("the key of a person is made once", async () => {
    await open();
    await grantHere(place.repository, wish());
    await grantHere(place.repository, wish({ run: "delivery-2" }));
    expect((await acts()).filter((act) => act.startsWith("authorization.key"))).toHaveLength(1);
    expect(await authorizations()).toHaveLength(2);
  });

  test.each(["read", "triage", "none", "gone"])(
    "a person with permission %s gets none, and it waits",
    async (level) => {
      await open();
      place.github.backend.people.permissions.set("ada", level);
      const refused = await grantHere({ ...place.repository, asked: ASKED }, wish());
      expect(refused).toMatchObject({ kind: "refused", reason: "authorization_missing" });
      expect((await authorizations()).map(({ grant }) => grant)).toEqual([null]);
    },
  );

  test("what runs again after it was cut off anywhere ends with one act permitted", async () => {
    await open();
    let writes = 0;
    const isWrite = (request: string) => !request.startsWith("GET ");
    place.github.bend((request) => void (isWrite(request) ? (writes += 1) : 0));
    await grantHere(place.repository, wish({ run: "dry" }));
    const total = writes;
    expect(total).toBeGreaterThan(8);
    // Every seventh write: updates of the state have three to five, so that each of their places is met.
    for (let cut = 1; cut <= total; cut += 7) {
      let seen = 0;
      place.github.bend((request) => {
        if (!isWrite(request)) return undefined;
        seen += 1;
        return seen >= cut ? { when: seen === cut ? "after" : "before", reply: "cut" } : undefined;
      });
      const run = `cut-${cut}`;
      await grantHere(place.repository, wish({ run })).catch(() => undefined);
      place.github.bend(undefined);
      expect(await grantHere(place.repository, wish({ run }))).toMatchObject({ kind: "permitted" });
    }
  });

  test("while everything is stopped it is refused", async () => {
    await open();
    await place.repository.killSwitch.stop({ by: GRACE, why: null });
    expect(await grantHere(place.repository, wish())).toMatchObject({ kind: "refused", reason: "disabled" });
  });
});

describe("what another person has to permit", () => {
  test("is announced in the conversation, with who may, and waits", async () => {
    await open(TWO_PERSON);
    const id = await waitingId();
    const { data } = await place.github.backend.ask("GET", "issues/1/comments");
    const bodies = (data as { body: string }[]).map(({ body }) => body);
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toContain(id);
    expect(await waitingCommand(await place.repository.state.view(), id)).toMatchObject({ word: "promote", by: ADA });
    // The same delivery again neither asks nor tells twice.
    expect(await waitingId()).toBe(id);
    expect(await authorizations()).toHaveLength(1);
  });

  test("is done in the name of who asked, with the consent of another; the asker's own consent is refused", async () => {
    await open(TWO_PERSON);
    const id = await waitingId();
    expect(await grantHere(consenting(ADA, id), wish({ run: "d-2" }))).toMatchObject({ reason: "two_person" });
    const granted = await grantHere(consenting(GRACE, id), wish({ run: "d-3" }));
    expect(granted).toMatchObject({ kind: "permitted", permit: { actor: ADA, authorization: id } });
    const record = await readAuthorization(await place.repository.desk.state.view(), id);
    expect(record).toMatchObject({ grant: { by: GRACE }, use: { by: ADA } });
  });

  test("who wrote the change cannot permit it either", async () => {
    await open(TWO_PERSON);
    const id = await waitingId({ author: "grace" });
    const refused = await grantHere(consenting(GRACE, id), wish({ author: "grace", run: "d-2" }));
    expect(refused).toMatchObject({ kind: "refused", reason: "two_person" });
  });

  test("a bot's request waits for a person, and another bot cannot permit it", async () => {
    await open();
    const id = await waitingId({ by: BOT });
    const other: Actor = { type: "bot", id: "other[bot]" };
    expect(await grantHere(consenting(other, id), wish({ by: BOT }))).toMatchObject({ reason: "person_needed" });
    expect(await grantHere(consenting(GRACE, id), wish({ by: BOT }))).toMatchObject({ kind: "permitted" });
  });

  test("an operator asks, a maintainer permits; another operator may not", async () => {
    await open();
    place.github.backend.people.permissions.set("ada", "write").set("mallory", "write");
    const id = await waitingId();
    const mallory: Actor = { type: "person", id: "mallory" };
    expect(await grantHere(consenting(mallory, id), wish())).toMatchObject({ reason: "role_missing" });
    expect(await grantHere(consenting(GRACE, id), wish())).toMatchObject({ kind: "permitted" });
  });

  test.each([
    ["another target", { target: "hub" }],
    ["another state of things", { subject: stateSubject({ pull: 2 }) }],
    ["another person's command", { by: { type: "person", id: "mallory" } as const }],
  ])("a consent does not stretch to %s", async (_name, change) => {
    await open(TWO_PERSON);
    const id = await waitingId();
    const refused = await grantHere(consenting(GRACE, id), wish(change));
    expect(refused).toMatchObject({ kind: "refused", reason: "digest_mismatch" });
  });

  test("it cannot be permitted when its time is over", async () => {
    await open(TWO_PERSON);
    const id = await waitingId();
    place.clock.advance(31 * 60_000);
    expect(await grantHere(consenting(GRACE, id), wish())).toMatchObject({ reason: "authorization_expired" });
  });

  test("an unknown one permits nothing", async () => {
    await open(TWO_PERSON);
    const id = "a-20251009T085320Z-00000a";
    expect(await grantHere(consenting(GRACE, id), wish())).toMatchObject({
      kind: "refused",
      reason: "digest_mismatch",
    });
  });
});

describe("protection of the default branch", () => {
  test("names who may permit what, as long as they may write", async () => {
    const roles = "version: 1\nprotection: { roles: { maintainer: [Grace] } }\n";
    await open({ "whetstone.yaml": roles });
    const held = (id: string) => place.repository.desk.roles.authorityOf({ type: "person", id });
    expect(await held("ada")).toBeUndefined();
    expect(await held("grace")).toBe("maintainer");
    place.github.backend.people.permissions.set("grace", "read");
    expect(await held("grace")).toBeUndefined();
  });

  test("says how long a request stands", async () => {
    await open({ "whetstone.yaml": "version: 1\nprotection: { twoPerson: true, expiryMinutes: 5 }\n" });
    const id = await waitingId();
    place.clock.advance(5 * 60_000);
    expect(await grantHere(consenting(GRACE, id), wish())).toMatchObject({ reason: "authorization_expired" });
  });

  test("that cannot be read lets nobody permit anything", async () => {
    await open({ "whetstone.yaml": "version: 1\nprotection: { twoPersn: true }\n" });
    await expect(grantHere(place.repository, wish())).rejects.toMatchObject({ code: "config_invalid" });
  });
});
