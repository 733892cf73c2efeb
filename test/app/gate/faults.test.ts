import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { gate } from "../../../src/app/gate/handler.ts";
import { readGate } from "../../../src/app/gate/record.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import type { Fault } from "../../support/github.ts";
import { type Gated, startGated } from "./gated.ts";

nock.restore();

let place: Gated;
let run = 9_000;
beforeEach(async () => {
  place = await startGated();
});
afterEach(async () => {
  expect(place.github.violations).toEqual([]);
  await place[Symbol.asyncDispose]();
});

type Work = () => Promise<unknown>;

const OBJECTS = /git\/(?:blobs|trees|commits)/;

/** A gate of a run of its own, before it is asked for (`ask`) and before it is decided (`decide`). */
async function newGate() {
  run += 1;
  const id = run;
  const event = { ...place.waitingRun({}, id), id: `delivery-${id}` };
  const ask: Work = () => gate.handle(place.contextOf(event));
  const payload = { gate: `${id}-1-production` };
  const decide: Work = () => gate.handle(place.contextOf({ name: "task.gate", payload }));
  return { id, ask, decide };
}

const harm = () =>
  place.minute({ arm: "baseline", calls: 120, failing: 60 }, { arm: "canary", calls: 120, failing: 3 });

/** What must be there once, whatever happened on the way. */
async function expectOnce(id: number): Promise<void> {
  const answers = place.github.backend.actions.gate.filter((one) => one.run === id);
  expect(answers.filter(({ state }) => state !== undefined)).toMatchObject([{ state: "rejected" }]);
  expect(answers.filter(({ state }) => state === undefined).length).toBeLessThanOrEqual(2);
  const view = await place.repository.state.view();
  const { records } = await readLedger(view);
  const own = records.filter((record) => record.run === `${id}-1-production`);
  expect(own.map(({ result }) => result)).toEqual(["watching", "rejected", "answered"]);
  const outcomes = (await view.list("outcomes/")).filter((path) => path.includes(`gate-${id}-`));
  const told = records.filter(({ operation, result }) => operation === "outcome" && result === "rolled_back");
  expect([outcomes.length, told.length]).toEqual([1, (await view.list("outcomes/")).length - 1]);
  expect(await readGate(view, `${id}-1-production`)).toMatchObject({
    decision: { state: "rejected" },
    end: { how: "answered" },
  });
  const checks = await place.repository.host.checks.on(place.head);
  expect(checks.filter(({ name }) => name === "Whetstone canary")).toMatchObject([{ conclusion: "failure" }]);
}

/** Requests of one undisturbed handling. */
async function requestsOf(work: Work): Promise<readonly string[]> {
  const from = place.github.requests.length;
  await work();
  return place.github.requests.slice(from).map((one) => one.replace(/\?.*$/, ""));
}

/** The process ends at the nth write, before or after GitHub carried it out: nothing that follows is heard. */
async function killedAt(work: Work, nth: number, when: Fault["when"]): Promise<boolean> {
  let seen = 0;
  let dead = false;
  place.github.bend((request) => {
    if (dead) return { when: "before", reply: "cut" };
    // Objects of git that nothing points to are no step: nobody sees them.
    if (request.startsWith("GET ") || OBJECTS.test(request)) return undefined;
    seen += 1;
    if (seen <= nth) return undefined;
    dead = true;
    return { when, reply: "cut" };
  });
  const failed = await work().then(
    () => false,
    () => true,
  );
  place.github.bend(undefined);
  return failed || dead;
}

describe("a gate whose process ends at any write", () => {
  test("while it is asked for: it is opened once and decided once", async () => {
    for (let nth = 0; ; nth += 1) {
      const { id, ask, decide } = await newGate();
      const killed = await killedAt(ask, nth, "after");
      await ask();
      await harm();
      await decide();
      await expectOnce(id);
      if (!killed) break;
    }
  }, 240_000);

  // Before a write is after the one before it.
  test("while it is decided: it is answered once", async () => {
    let points = 0;
    for (let nth = 0; ; nth += 1) {
      const { id, ask, decide } = await newGate();
      await ask();
      await harm();
      const killed = await killedAt(decide, nth, "after");
      await decide();
      await expectOnce(id);
      if (!killed) break;
      points += 1;
    }
    // Decision, answer, end and check run at least.
    expect(points).toBeGreaterThanOrEqual(4);
  }, 240_000);
});

describe("a gate and what GitHub refuses", () => {
  const limit = { "retry-after": "900", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" };
  const replies = [
    { status: 401, body: { message: "Bad credentials" } },
    { status: 403, body: { message: "You have exceeded a secondary rate limit" }, headers: limit },
    { status: 502, body: { message: "Bad gateway" } },
  ] as const;

  test("fails with each refusal of each call, and completes once with the same decision", async () => {
    // The check run is made by the first of them; the others update it.
    let first = await newGate();
    let requests: readonly string[] = [];
    for (let round = 0; round < 2; round += 1) {
      first = await newGate();
      await first.ask();
      await harm();
      requests = await requestsOf(first.decide);
    }
    const calls = [...new Set(requests)].filter((one) => !OBJECTS.test(one));
    expect(calls.length).toBeGreaterThan(5);
    for (const [index, call] of calls.entries()) {
      const reply = replies[index % replies.length] ?? replies[0];
      const { id, ask, decide } = await newGate();
      await ask();
      await harm();
      const wanted = call.replaceAll(String(first.id), String(id));
      let met = false;
      place.github.bend((request) => {
        if (request !== wanted) return undefined;
        met = true;
        return { when: "before", reply };
      });
      await decide().catch((error: unknown) => expect(error).toHaveProperty("code"));
      place.github.bend(undefined);
      expect([wanted, met]).toEqual([wanted, true]);
      await decide();
      await expectOnce(id);
    }
  }, 240_000);
});
