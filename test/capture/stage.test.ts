import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { captureStage, type CaptureDeps } from "../../src/capture/stage.ts";
import type { CallResult, Workload } from "../../src/model/call.ts";
import type { Span } from "../../src/model/span.ts";
import { relayedCall } from "./relayed.ts";
import { plainSpan } from "./fixtures/spans.ts";

const sessions = (count: number): Workload["sessions"] =>
  Array.from({ length: count }, (_, index) => ({ id: `s${index}`, calls: [{ tool: "search", arguments: {} }] }));
const result = (key: string): CallResult => ({ key, tool: "search", status: "ok", durationMs: 1, result: {} });

/** Two calls a session; the store holds what it is told to hold, in batches. */
function setup(stored: readonly (readonly Span[])[], count = 2, change: Partial<CaptureDeps> = {}) {
  const steps: string[] = [];
  const packed: Span[] = [];
  const dossier = new Map<string, string | Uint8Array>();
  const deps: CaptureDeps = {
    sessions: sessions(count),
    play: async ({ id }) => {
      steps.push(`play ${id}`);
      return [result(`${id}/1`), result(`${id}/2`)];
    },
    stored: async function* () {
      steps.push("read");
      yield* stored;
    },
    pack: {
      add: async (spans) => void packed.push(...spans),
      finish: async () => new Uint8Array([packed.length]),
    },
    dossier,
    progress: ({ label, done, total }) => void steps.push(`${label} ${done}/${total}`),
    ...change,
  };
  return { deps, steps, packed, dossier };
}

describe("captureStage", () => {
  test("plays session by session, then reads back what the store holds and packs it", async () => {
    const spans = [relayedCall(1), relayedCall(2), relayedCall(3), relayedCall(4)];
    const server: Span = { ...plainSpan, traceId: relayedCall(1).traceId };
    const { deps, steps, packed, dossier } = setup([spans.slice(0, 1), [...spans.slice(1), server]]);
    const stage = await captureStage(deps);
    expect(steps).toEqual(["s0 0/2", "play s0", "s1 1/2", "play s1", "read"]);
    expect(stage).toMatchObject({ verdict: "pass", reasons: ["ok"], summary: "4 calls, 5 spans stored" });
    expect(stage.value).toMatchObject({ traces: 4, spans: 5, loaded: [...spans, server] });
    expect(stage.value.results.map(({ key }) => key)).toEqual(["s0/1", "s0/2", "s1/1", "s1/2"]);
    expect(packed).toEqual(stage.value.loaded);
    expect([...dossier]).toEqual([["evidence/spans.ndjson.gz", new Uint8Array([5])]]);
  });

  test("claims no evidence when one call's span was lost, however much the server sent by itself", async () => {
    const lost = fc.integer({ min: 1, max: 4 });
    const own = fc.integer({ min: 0, max: 6 });
    await fc.assert(
      fc.asyncProperty(lost, own, async (missing, others) => {
        const calls = Array.from({ length: 4 - missing }, (_, index) => relayedCall(index + 1));
        const noise = Array.from({ length: others }, (_, n) => ({
          ...plainSpan,
          traceId: relayedCall(90 + n).traceId,
        }));
        const stage = await captureStage(setup([[...calls, ...noise]]).deps);
        expect(stage).toMatchObject({
          verdict: "inconclusive",
          reasons: ["evidence_insufficient"],
          summary: `4 calls were made but only ${4 - missing} of them are stored`,
        });
      }),
    );
  });

  test("keeps the spans in the dossier also when they are too few", async () => {
    const { deps, dossier } = setup([[relayedCall(1)]]);
    expect((await captureStage(deps)).verdict).toBe("inconclusive");
    expect(dossier.get("evidence/spans.ndjson.gz")).toEqual(new Uint8Array([1]));
  });

  test("stops at the session that cannot be played, and packs nothing", async () => {
    const played: string[] = [];
    const play: CaptureDeps["play"] = ({ id }) => {
      played.push(id);
      return id === "s1" ? Promise.reject(new Error("no server")) : Promise.resolve([]);
    };
    const { deps, steps, dossier } = setup([], 3, { play });
    await expect(captureStage(deps)).rejects.toThrow("no server");
    expect([played, steps.includes("read"), dossier.size]).toEqual([["s0", "s1"], false, 0]);
  });
});
