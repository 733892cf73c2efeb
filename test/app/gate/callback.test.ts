import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import nock from "nock";
import { callbackRun, isCallbackOf } from "../../../src/app/gate/callback.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { asked, startGated } from "./gated.ts";

nock.restore();

const RUN = "https://api.github.com/repos/octo-org/notes/actions/runs/4711";
const RIGHT = `${RUN}/deployment_protection_rule`;

/** Addresses that look like GitHub's to a reader, or to a parser that is too kind. */
const TRICKS: readonly string[] = [
  "https://evil.example/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com.evil.example/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com@evil.example/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://evil@api.github.com/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com:444/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "http://api.github.com/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://API.GITHUB.COM/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com\\@evil.example/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com./repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "//api.github.com/repos/octo-org/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/octo-org/other/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/mallory/notes/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/octo-org/notes/../other/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/octo-org/notes/%2e%2e/other/actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/octo-org/notes//actions/runs/4711/deployment_protection_rule",
  "https://api.github.com/repos/octo-org/notes/actions/runs/4712/deployment_protection_rule",
  `${RIGHT}/`,
  `${RIGHT}?x=1`,
  `${RIGHT}#x`,
  ` ${RIGHT}`,
  `${RIGHT}\n`,
  `https://evil.example/?u=${RIGHT}`,
];

describe("the callback address of a gate", () => {
  test("names its run, and is the run's own address", () => {
    expect(callbackRun(RIGHT)).toBe(4711);
    expect(isCallbackOf(RIGHT, RUN)).toBe(true);
  });

  test.each(TRICKS.map((address) => [address]))("%j is not the run's", (address) => {
    expect(isCallbackOf(address, RUN)).toBe(false);
  });

  test("is never one where the client does not say where it asked", () => {
    expect(isCallbackOf("undefined/deployment_protection_rule", undefined)).toBe(false);
    expect(isCallbackOf("/deployment_protection_rule", undefined)).toBe(false);
  });

  test.each(["", RUN, `${RUN}x/deployment_protection_rule`, RIGHT.replace("4711", "0"), RIGHT.replace("4711", "-1")])(
    "%j names no run",
    (address) => {
      expect(callbackRun(address)).toBeUndefined();
    },
  );

  test("no other text than the one is ever taken", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(RIGHT.length), fc.nat(3), (noise, at, cut) => {
        const changed = RIGHT.slice(0, at) + noise + RIGHT.slice(at + cut);
        expect(isCallbackOf(changed, RUN)).toBe(changed === RIGHT);
      }),
    );
  });

  test("no id is beyond what a number holds", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 30n }), (id) => {
        const found = callbackRun(RIGHT.replace("4711", String(id)));
        expect(found === undefined || String(found) === String(id)).toBe(true);
      }),
    );
  });
});

describe("a question with another address", () => {
  test("is on record once, opens nothing and is never answered", async () => {
    await using place = await startGated();
    place.waitingRun();
    const before = place.github.requests.length;
    const own = `${place.github.baseUrl}/repos/octo-org/notes/actions/runs/${place.runId}/deployment_protection_rule`;
    const addresses = [
      own.replace("127.0.0.1", "localhost"),
      own.replace("http://", "http://x@"),
      own.replace("/notes/", "/other/"),
      own.replace("/api/v3", "/api/v3/../v3"),
      own.replace(String(place.runId), "1"),
      "http://169.254.169.254/actions/runs/4711/deployment_protection_rule",
    ];
    for (const [index, address] of addresses.entries()) {
      const event = { ...asked(place.github.baseUrl, address), id: `delivery-${index}` };
      await place.handle(event);
      await place.handle(event);
    }
    expect(await place.gates()).toEqual([]);
    expect(place.tasks).toEqual([]);
    expect(place.github.backend.actions.gate).toEqual([]);
    expect(place.github.requests.slice(before).filter((one) => one.includes("deployment_protection_rule"))).toEqual([]);
    const { records } = await readLedger(await place.repository.state.view());
    const refused = records.filter(({ reasonCode }) => reasonCode === "callback_forbidden");
    expect(refused).toHaveLength(addresses.length);
    expect(refused[0]).toMatchObject({ operation: "gate", decision: "deny", result: "not answered" });
  });
});
