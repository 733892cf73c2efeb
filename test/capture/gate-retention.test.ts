import { expect, test } from "@jest/globals";
import { gateCounter } from "../../src/canary/gate-counter.ts";
import { gateLooks, type GateQuestion } from "../../src/capture/gate-looks.ts";
import { CanarySettings } from "../../src/config/schema.ts";
import type { Arm } from "../../src/model/call.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { relayedCall } from "./relayed.ts";

const START_MS = 1_700_000_000_000;
const MINUTE = 60_000;
const CALLS = 4_000;
const APART_MS = 400;

/** Calls of two arms in turn; every so many of an arm fails. */
function calls(failing: Readonly<Record<Arm, number>>): Span[] {
  return Array.from({ length: CALLS }, (_, number) => {
    const arm = number % 2 === 0 ? "baseline" : "canary";
    const { attributes, resource } = relayedCall(number);
    return relayedCall(number, {
      service: "notes",
      startNs: BigInt(START_MS + number * APART_MS) * 1_000_000n,
      durationNs: 10e6,
      status: Math.floor(number / 2) % failing[arm] === 0 ? "error" : "ok",
      attributes: { ...attributes, [ATTR.toolName]: "read", [ATTR.mcpSession]: `s-${number}` },
      resource: { ...resource, [ATTR.arm]: arm },
    });
  });
}

const nowMs = START_MS + CALLS * APART_MS;
const QUESTION: GateQuestion = {
  id: "gate-1",
  window: { target: "notes", sha: "ab".repeat(20), startedMs: START_MS, beforeMs: 60 * MINUTE, nowMs },
  rules: {
    settings: CanarySettings.parse({}),
    look: { weight: null, minimumCalls: 20, startedMs: START_MS },
  },
};

test("retention that takes calls without an error in the middle of a gate takes nothing of what was counted, and lets no harm pass", async () => {
  await using store = memoryStore();
  await store.append(calls({ baseline: 20, canary: 8 }));
  const looks = gateLooks(store, gateCounter);
  const before = await looks.look(QUESTION);
  expect(before.verdict).toMatchObject({ verdict: "rollback", reasons: ["errors_increased"] });
  // Errors are kept for longer: what is left says that nearly every call of both arms failed.
  const beforeNs = BigInt(nowMs - 2 * MINUTE) * 1_000_000n;
  for (let spans = Infinity; spans > 0;) ({ spans } = await store.prune({ kind: "plain", beforeNs }));
  expect(await looks.look(QUESTION)).toEqual(before);
  // A server that begins anew has only that to go by; harm may hide in it, but it is no pass.
  const { verdict } = await gateLooks(store, gateCounter).look(QUESTION);
  expect(verdict.verdict).not.toBe("promote");
});
