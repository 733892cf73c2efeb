import { describe, expect, test } from "@jest/globals";
import { earliestCall, gatePages } from "../../src/capture/gate-calls.ts";
import type { Arm } from "../../src/model/call.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { relayedCall } from "./relayed.ts";

const START_MS = 1_700_000_000_000;
const SHA = "abcdef0123456789abcdef0123456789abcdef01";
let number = 0;

type Call = { readonly arm?: Arm; readonly version?: string; readonly service?: string };

/** A call so many ms after the gate began. */
function call(afterMs: number, { arm = "canary", version, service = "notes" }: Call = {}): Span {
  number += 1;
  const { resource } = relayedCall(number);
  return relayedCall(number, {
    service,
    startNs: BigInt(START_MS + afterMs) * 1_000_000n,
    resource: { ...resource, [ATTR.arm]: arm, ...(version === undefined ? {} : { [ATTR.serviceVersion]: version }) },
  });
}

async function seen(...spans: readonly Span[]) {
  const store = memoryStore();
  await store.append(spans);
  const times = { startedMs: START_MS, sinceMs: START_MS - 10_000, untilMs: START_MS + 60_001 };
  const seen = { before: 0, calls: 0, foreign: 0, exchanged: 0 };
  for await (const page of gatePages(store, { target: "notes", sha: SHA, ...times })) {
    seen.before += page.before.length;
    seen.calls += page.calls.length;
    seen.foreign += page.foreign;
    seen.exchanged += page.exchanged;
  }
  return seen;
}

describe("the calls that a gate judges", () => {
  test("are those of its target since it began, and for the limits those of the time before", async () => {
    const found = await seen(
      call(-10_001),
      call(-10_000),
      call(-1),
      call(0),
      call(59_999, { arm: "baseline" }),
      call(60_001),
      call(5, { service: "other" }),
    );
    expect(found).toEqual({ before: 2, calls: 2, foreign: 0, exchanged: 0 });
  });

  test.each([SHA, SHA.toUpperCase(), SHA.slice(0, 12), "1.2.3", "latest", "abcdef0", ""])(
    "of a canary whose version is %j are its own",
    async (version) => {
      expect(await seen(call(1, { version }))).toEqual({ before: 0, calls: 1, foreign: 0, exchanged: 0 });
    },
  );

  test("of a canary that is another commit are left out and counted", async () => {
    const versions = ["f".repeat(40), "f".repeat(12), `${SHA}00`, "0".repeat(64)];
    const spans = versions.map((version) => call(1, { version }));
    expect(await seen(...spans)).toEqual({ before: 0, calls: 0, foreign: 4, exchanged: 0 });
  });

  test("of a baseline that is the canary's commit show exchanged arms; other baselines are its own", async () => {
    const spans = [SHA, "f".repeat(40), "1.0.0"].map((version) => call(1, { arm: "baseline", version }));
    expect(await seen(...spans)).toEqual({ before: 0, calls: 2, foreign: 0, exchanged: 1 });
  });

  test("from before the gate count neither as foreign nor as exchanged", async () => {
    const spans = [call(-5, { version: "f".repeat(40) }), call(-5, { arm: "baseline", version: SHA })];
    expect(await seen(...spans)).toEqual({ before: 0, calls: 0, foreign: 0, exchanged: 0 });
  });

  test("are none where there is nothing", async () => {
    expect(await seen()).toEqual({ before: 0, calls: 0, foreign: 0, exchanged: 0 });
  });

  test("are found among others by when the earliest began", () => {
    const window = { target: "notes", sha: SHA, startedMs: START_MS, beforeMs: 10_000, nowMs: START_MS + 60_000 };
    const others = [call(1, { service: "other" }), call(-10_001), { ...call(2), kind: "server" as const }];
    expect(earliestCall(others, window)).toBe(Infinity);
    // A call of whichever version: it may be one that shows exchanged arms.
    expect(earliestCall([...others, call(7), call(5, { version: "f".repeat(40) })], window)).toBe(START_MS + 5);
  });
});
