import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { promoteCanary, startCanary } from "../../../src/app/gate/canary.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import type { Fault } from "../../support/github.ts";
import { APP_ID } from "../payloads.ts";
import { BRANCH, ENVIRONMENT, type Gated, startGated, WORKFLOW } from "./gated.ts";

nock.restore();

const ADA = { type: "person", id: "ada" } as const;
const command = (place: Gated, id = "delivery-1") => place.contextOf({ id, name: "task.command", payload: {} });
const start = (place: Gated, id?: string) => startCanary(command(place, id), { pull: place.pull, by: ADA });
const promote = (place: Gated, id?: string) => promoteCanary(command(place, id), { pull: place.pull, by: ADA });
const dispatched = ({ github }: Gated) => github.backend.actions.dispatched;
const decisions = ({ github }: Gated) => github.backend.actions.gate.filter(({ state }) => state !== undefined);

describe("a canary is started", () => {
  test("for the approved head, from the default branch's workflow, once", async () => {
    await using place = await startGated();
    place.github.backend.actions.rules.set(ENVIRONMENT, [APP_ID]);
    const started = await start(place);
    expect(started).toMatchObject({ kind: "started", run: expect.any(Number) });
    expect(await start(place, "delivery-2")).toEqual(started);
    expect(dispatched(place)).toMatchObject([
      { file: WORKFLOW, ref: "main", inputs: { sha: place.head, pull: String(place.pull), target: "notes" } },
    ]);
    // The rule is enabled: it asks by itself.
    expect(place.tasks).toEqual([]);
    const { records } = await readLedger(await place.repository.state.view());
    expect(records.filter(({ operation }) => operation === "canary.start")).toHaveLength(1);
    expect(place.github.violations).toEqual([]);
  });

  test("once, when two ask at the same moment", async () => {
    await using place = await startGated();
    const both = await Promise.allSettled([start(place, "delivery-1"), start(place, "delivery-2")]);
    expect(both.some(({ status }) => status === "fulfilled")).toBe(true);
    expect(dispatched(place)).toHaveLength(1);
  });

  test.each([
    ["cut before", { when: "before", reply: "cut" }],
    ["cut after", { when: "after", reply: "cut" }],
    ["502 after", { when: "after", reply: { status: 502, body: {} } }],
  ] satisfies [string, Fault][])(
    "once, when the answer of the dispatch is %s it was carried out",
    async (_name, fault) => {
      await using place = await startGated();
      place.github.bend((request) => (request.endsWith("/dispatches") ? fault : undefined));
      await expect(start(place)).rejects.toMatchObject({ code: "api_failed" });
      place.github.bend(undefined);
      if (fault.when === "before") {
        // Whether it runs cannot be told yet.
        await expect(start(place)).rejects.toMatchObject({ code: "api_failed" });
        expect(dispatched(place)).toHaveLength(0);
        place.clock.advance(180_000);
      }
      expect(await start(place)).toMatchObject({ kind: "started", run: expect.any(Number) });
      expect(dispatched(place)).toHaveLength(1);
    },
  );

  test("not while another delivery is at it, and again when that one was lost", async () => {
    await using place = await startGated();
    place.github.bend((request) => (request.endsWith("/dispatches") ? { when: "before", reply: "cut" } : undefined));
    await expect(start(place)).rejects.toMatchObject({ code: "api_failed" });
    place.github.bend(undefined);
    expect(await start(place, "delivery-2")).toMatchObject({ kind: "started", run: undefined });
    expect(dispatched(place)).toHaveLength(0);
    place.clock.advance(11 * 60_000);
    expect(await start(place, "delivery-3")).toMatchObject({ run: expect.any(Number) });
    expect(dispatched(place)).toHaveLength(1);
  });

  test("again after its run ended without success, not while it runs or after it went well", async () => {
    await using place = await startGated();
    const first = await start(place);
    const run = first.kind === "started" ? (first.run ?? 0) : 0;
    const { actions } = place.github.backend;
    actions.setRun(run, { status: "completed", conclusion: "success" });
    expect(await start(place, "delivery-2")).toEqual(first);
    actions.setRun(run, { conclusion: "failure" });
    expect(await start(place, "delivery-3")).not.toEqual(first);
    expect(dispatched(place)).toHaveLength(2);
  });

  test("never of what nobody approved, of an older head, or of a foreign pull request", async () => {
    await using place = await startGated();
    const { backend } = place.github;
    await backend.commit(BRANCH, { "a.ts": "3\n" });
    expect(await start(place)).toMatchObject({ kind: "refused", said: expect.stringContaining("another commit") });
    await backend.commit("feature", { "b.ts": "1\n" });
    const { data } = await backend.ask("POST", "pulls", { title: "T", head: "feature", base: "main" });
    const foreign = Number(Reflect.get(Object(data), "number"));
    const request = { pull: foreign, by: ADA };
    expect(await startCanary(command(place), request)).toMatchObject({ kind: "refused", reason: "proposal_unknown" });
    expect(dispatched(place)).toEqual([]);
  });

  test("not without its workflow, and not while everything is stopped", async () => {
    await using place = await startGated({ gate: "{ workflow: other.yml }" });
    expect(await start(place)).toMatchObject({
      kind: "refused",
      said: expect.stringContaining("no workflow other.yml"),
    });
    await using stopped = await startGated();
    await stopped.repository.killSwitch.stop({ by: ADA, why: "x" });
    await expect(start(stopped)).rejects.toMatchObject({ code: "stopped" });
    expect(dispatched(stopped)).toEqual([]);
  });

  test("without a rule on the environment it is watched, and its verdict is a check run", async () => {
    await using place = await startGated();
    await start(place);
    await start(place, "delivery-2");
    expect(new Set(place.tasks.map(({ id }) => id)).size).toBe(1);
    const check = async () =>
      (await place.repository.host.checks.on(place.head)).find(({ name }) => name === "Whetstone canary");
    expect(await check()).toMatchObject({ status: "in_progress" });
    await place.minute({ arm: "baseline", calls: 200, failing: 50 }, { arm: "canary", calls: 200, failing: 4 });
    await place.tasksOnce();
    expect(await check()).toMatchObject({ conclusion: "failure" });
    expect(place.github.backend.actions.gate).toEqual([]);
  });
});

describe("a canary is promoted by a person", () => {
  test("who may: the gate passes, says who, and what follows changes nothing", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "admin");
    await place.handle(place.waitingRun());
    expect(await promote(place)).toMatchObject({ kind: "promoted", said: expect.stringContaining("ada decided") });
    expect(decisions(place)).toMatchObject([{ state: "approved" }]);
    expect((await place.gates())[0]).toMatchObject({
      decision: { by: ADA, reasons: ["decided_by_person"] },
      end: { how: "answered" },
    });
    await place.minute({ arm: "baseline", calls: 200, failing: 50 }, { arm: "canary", calls: 200, failing: 4 });
    await place.tasksOnce();
    expect(await promote(place, "delivery-2")).toMatchObject({ kind: "refused" });
    expect(decisions(place)).toHaveLength(1);
    expect(place.github.violations).toEqual([]);
  });

  test("who may only write: it waits for somebody with the role", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "write");
    await place.handle(place.waitingRun());
    expect(await promote(place)).toMatchObject({ kind: "refused", reason: "authorization_missing" });
    expect(decisions(place)).toEqual([]);
  });

  test("not against a stop, nor where nothing is watched", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "admin");
    expect(await promote(place)).toMatchObject({ kind: "refused" });
    await place.handle(place.waitingRun());
    await place.repository.killSwitch.stop({ by: ADA, why: "x" });
    await promote(place).catch((error: unknown) => expect(error).toMatchObject({ code: "stopped" }));
    expect(decisions(place)).toEqual([]);
  });

  test("killed after the decision was on record, the next attempt answers it", async () => {
    await using place = await startGated();
    place.github.backend.people.permissions.set("ada", "admin");
    await place.handle(place.waitingRun());
    place.github.bend((request) =>
      request.endsWith("deployment_protection_rule") ? { when: "before", reply: "cut" } : undefined,
    );
    await expect(promote(place)).rejects.toMatchObject({ code: "api_failed" });
    place.github.bend(undefined);
    expect(await promote(place)).toMatchObject({ kind: "promoted" });
    expect(decisions(place)).toHaveLength(1);
  });
});
