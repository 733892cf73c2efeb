import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { watchGate } from "../../../src/app/gate/watch.ts";
import { gateCounter } from "../../../src/canary/gate-counter.ts";
import { gateLooks, type GateSource } from "../../../src/capture/gate-looks.ts";
import { ATTR } from "../../../src/model/span.ts";
import type { Store } from "../../../src/store/store.ts";
import { relayedCall } from "../../capture/relayed.ts";
import { type Gated, startGated } from "./gated.ts";

nock.restore();

const EQUAL = [
  { arm: "baseline", calls: 300, failing: 20 },
  { arm: "canary", calls: 300, failing: 20 },
] as const;

/** A gate whose looks keep what they counted, on a stream of arrivals that is as `arrivals` makes it. */
async function watched(place: Gated, arrivals?: GateSource["arrivals"]) {
  const telemetry = place.contextOf({ name: "task.gate", payload: {} }).telemetry as Store;
  const wholeReads: bigint[] = [];
  const source: GateSource = {
    arrivals: arrivals ?? telemetry.arrivals,
    spans: (filter) => {
      wholeReads.push(filter.sinceNs ?? 0n);
      return telemetry.spans(filter);
    },
  };
  const looks = gateLooks(source, gateCounter);
  await place.handle(place.waitingRun());
  const [id = ""] = (await place.gates()).map((gate) => gate.id);
  return {
    telemetry,
    /** How many reads went back to before the gate. */
    fromTheStart: () => wholeReads.filter((ns) => ns === wholeReads[0]).length,
    look: async () => {
      await watchGate({ ...place.contextOf({ name: "task.gate", payload: { gate: id } }), looks }, id);
      return (await place.gates())[0]?.decision;
    },
  };
}

describe("a gate whose looks keep what they counted", () => {
  test("reads everything at its first looks, and once more for its decision", async () => {
    await using place = await startGated();
    const gate = await watched(place);
    const begun: number[] = [];
    let decision: Awaited<ReturnType<typeof gate.look>> = null;
    for (let minute = 0; minute < 12 && decision === null; minute += 1) {
      await place.minute(...EQUAL);
      decision = await gate.look();
      begun.push(gate.fromTheStart());
    }
    expect(decision).toMatchObject({ state: "approved" });
    // Nothing is counted for good before some minutes have passed; then one read goes on where the last one was.
    const settled = begun.findIndex((count, i) => i > 0 && count === begun[i - 1]);
    expect(settled).toBeGreaterThan(0);
    expect(begun.slice(settled, -1).every((count) => count === begun[settled])).toBe(true);
    expect(begun.at(-1)).toBe((begun[settled] ?? 0) + 1);
  });

  test("passes nothing on what it counted when the stream never told of calls that did harm", async () => {
    await using place = await startGated();
    const silent = async () => ({ arrivals: [], cursor: "still", isGap: false });
    const gate = await watched(place, silent);
    const startNs = place.clock.now();
    for (let minute = 0; minute < 8; minute += 1) {
      await place.minute(...EQUAL);
      expect(await gate.look()).toBeNull();
    }
    // They began in the first minute, which was counted long ago.
    const harm = Array.from({ length: 400 }, (_, i) =>
      relayedCall(900_000 + i, {
        service: "notes",
        startNs: startNs + BigInt(i) * 100_000_000n,
        status: "error",
        attributes: { ...relayedCall(1).attributes, [ATTR.mcpSession]: `late-${i}` },
      }),
    );
    await gate.telemetry.append(harm);
    let decision: Awaited<ReturnType<typeof gate.look>> = null;
    for (let minute = 0; minute < 6 && decision === null; minute += 1) {
      await place.minute(...EQUAL);
      decision = await gate.look();
    }
    expect(decision).toMatchObject({ state: "rejected", reasons: expect.arrayContaining(["errors_increased"]) });
  });
});
