import type { Span } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { createInstrumentation } from "../../src/instrument/core.ts";
import { guardSteps } from "../../src/instrument/guard.ts";
import { apiTelemetry, type Telemetry } from "../../src/instrument/telemetry.ts";
import { connectedPair, offerAdd } from "./pair.ts";
import { startRecording, type Recording } from "./recording.ts";

let recording: Recording;
beforeEach(() => {
  recording = startRecording();
});
afterEach(() => recording[Symbol.dispose]());

const fail = (): never => {
  throw new Error("broken on purpose");
};

/** Everything that a host does, and gets right. */
async function useHost(telemetry: Telemetry): Promise<Readonly<Record<string, number>>> {
  await using pair = await connectedPair(
    (server) => {
      offerAdd(server);
      server.registerTool("broken", {}, fail);
    },
    { instrumentation: { telemetry, captureContent: true } },
  );
  const sum = await pair.client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
  expect(sum.content).toEqual([{ type: "text", text: "3" }]);
  expect((await pair.client.callTool({ name: "broken" })).isError).toBe(true);
  await expect(pair.client.readResource({ uri: "no://" })).rejects.toThrow("Method not found");
  expect((await pair.client.listTools()).tools).toHaveLength(2);
  const controller = new AbortController();
  const cancelled = pair.client.callTool({ name: "add", arguments: {} }, undefined, { signal: controller.signal });
  controller.abort();
  await expect(cancelled).rejects.toThrow();
  await pair.client.close();
  return pair.instrumentation.faults();
}

const STEPS = Object.keys(apiTelemetry()) as (keyof Telemetry)[];

describe("a part of OpenTelemetry that throws", () => {
  test.each(STEPS.filter((step) => step !== "dropped"))("%s: the host goes on, the fault is counted", async (step) => {
    const faults = await useHost({ ...apiTelemetry(), [step]: fail });
    expect(Object.values(faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });

  test("all of it", async () => {
    const broken = Object.fromEntries(STEPS.map((step) => [step, fail])) as unknown as Telemetry;
    const faults = await useHost(broken);
    expect(Object.keys(faults)).toEqual(expect.arrayContaining(["send", "receive"]));
    expect(recording.spans()).toEqual([]);
  });

  test.each(["setAttributes", "setStatus", "end", "spanContext", "isRecording"] as const)("span.%s", async (method) => {
    const telemetry = apiTelemetry();
    const startSpan: Telemetry["startSpan"] = (...args) =>
      new Proxy(telemetry.startSpan(...args), {
        get: (span, name) => (name === method ? fail : bound(span, name)),
      });
    await useHost({ ...telemetry, startSpan });
    // What one method breaks, the others still do.
    if (method === "setStatus" || method === "setAttributes") {
      expect(recording.span("tools/call broken", "server").ended).toBe(true);
      expect(await recording.points("mcp.server.operation.duration")).not.toEqual([]);
    }
  });

  test("a context manager that runs nothing, or runs the work and then throws: the host's call is made once", async () => {
    const telemetry = apiTelemetry();
    await useHost({ ...telemetry, runIn: () => undefined });
    await useHost({
      ...telemetry,
      runIn: (inside, work) => {
        telemetry.runIn(inside, work);
        fail();
      },
    });
  });
});

function bound(span: Span, name: string | symbol): unknown {
  const value: unknown = Reflect.get(span, name, span);
  return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(span) : value;
}

describe("what is no transport and no protocol", () => {
  test.each([undefined, null, 1, "x", {}, { start: 1, send: 2 }, Object.freeze({ start: fail, send: fail })])(
    "%p",
    (value) => {
      const instrumentation = createInstrumentation();
      expect(() => instrumentation.watch(value)).not.toThrow();
      expect(instrumentation.patch(value)).toBe(false);
    },
  );

  test("a class without the methods, and one whose prototype cannot be changed", () => {
    const instrumentation = createInstrumentation();
    class Locked {
      connect(): void {
        fail();
      }
    }
    Object.freeze(Locked.prototype);
    expect(instrumentation.patch(class {})).toBe(false);
    expect(instrumentation.patch(Locked)).toBe(false);
    expect(instrumentation.faults()).toEqual({ patch: 1 });
  });
});

describe("patches", () => {
  test("are made once and taken back", () => {
    const methods = () => ["connect", "request"].map((name): unknown => Reflect.get(Protocol.prototype, name));
    const before = methods();
    const first = createInstrumentation();
    const second = createInstrumentation();
    expect(first.patch(Protocol)).toBe(true);
    expect(first.patch(Protocol)).toBe(false);
    expect(second.patch(Protocol)).toBe(false);
    expect(methods()).not.toEqual(before);
    expect(methods().map((method) => (method as { name: string }).name)).toEqual(["connect", "request"]);
    first.unpatch();
    expect(methods()).toEqual(before);
  });
});

describe("guardSteps", () => {
  test("tells of the first fault of each step, counts all, and survives a broken report", () => {
    const told: string[] = [];
    const guard = guardSteps((step) => {
      told.push(step);
      fail();
    });
    expect(guard.attempt("a", () => 1, 2)).toBe(1);
    expect([guard.attempt("a", fail, 2), guard.attempt("a", fail, 3), guard.attempt("b", fail, 4)]).toEqual([2, 3, 4]);
    expect(told).toEqual(["a", "b"]);
    expect(guard.faults()).toEqual({ a: 2, b: 1 });
  });
});
