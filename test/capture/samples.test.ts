import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { callSamples } from "../../src/capture/samples.ts";
import { CallSample } from "../../src/model/call.ts";
import { ATTR } from "../../src/model/span.ts";
import { anySpan } from "./fixtures/spans.ts";
import { relayedCall, traceId } from "./relayed.ts";

const attributes = relayedCall(1).attributes;

describe("callSamples", () => {
  test("is the call as the relay measured it, in ms", () => {
    const span = relayedCall(1, { startNs: 1_700_000_000_000_250_999n, durationNs: 2_500_000 });
    expect(callSamples([span])).toEqual([
      {
        timestamp: 1_700_000_000_000.25,
        operation: "search",
        durationMs: 2.5,
        error: false,
        arm: "canary",
        session: "s-1",
      },
    ]);
  });

  test("leaves out everything that is no tool call of the relay", () => {
    const { [ATTR.toolName]: _name, ...nameless } = attributes;
    const others = [
      relayedCall(1, { scope: { name: "somebody else" } }),
      relayedCall(2, { kind: "server" }),
      relayedCall(3, { attributes: { ...attributes, [ATTR.mcpMethod]: "tools/list" } }),
      relayedCall(4, { attributes: nameless }),
      relayedCall(7, { attributes: { ...attributes, "whetstone.multi_round": true } }),
      relayedCall(5, { attributes: { ...attributes, [ATTR.toolName]: 7 } }),
    ];
    expect(callSamples([...others, relayedCall(6)])).toHaveLength(1);
    expect(callSamples(others)).toEqual([]);
  });

  test("an error is a status of error or an error type, nothing else", () => {
    const errors = [
      relayedCall(1, { status: "error" }),
      relayedCall(2, { attributes: { ...attributes, [ATTR.errorType]: "tool_error" } }),
      relayedCall(3, { status: "ok", attributes: { ...attributes, [ATTR.errorType]: "x" } }),
      relayedCall(4, { status: "ok" }),
      relayedCall(5, { status: "unset" }),
    ];
    expect(callSamples(errors).map(({ error }) => error)).toEqual([true, true, true, false, false]);
  });

  test("traffic without an arm, or with one that nobody knows, is the baseline", () => {
    const arms = [{}, { [ATTR.arm]: "baseline" }, { [ATTR.arm]: "other" }, { [ATTR.arm]: 1 }];
    const samples = callSamples(arms.map((resource, index) => relayedCall(index + 1, { resource })));
    expect(samples.map(({ arm }) => arm)).toEqual(["baseline", "baseline", "baseline", "baseline"]);
  });

  test("a call's session is that of the protocol, else its client's, else itself", () => {
    const { [ATTR.mcpSession]: _session, ...alone } = attributes;
    const samples = callSamples([
      relayedCall(1),
      relayedCall(2, { attributes: alone, resource: { "service.instance.id": "client-1" } }),
      relayedCall(3, { attributes: alone, resource: {} }),
    ]);
    expect(samples.map(({ session }) => session)).toEqual(["s-1", "client-1", traceId(3)]);
  });

  test("gives valid samples in the order of the spans, whatever stands between them", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            anySpan,
            fc.nat(1_000).map((n) => relayedCall(n + 1)),
          ),
        ),
        (spans) => {
          const samples = callSamples(spans);
          for (const sample of samples) expect(CallSample.parse(sample)).toEqual(sample);
          const relayed = spans.filter(({ scope }) => scope.name === "whetstone.capture");
          expect(samples).toEqual(relayed.flatMap((span) => callSamples([span])));
          expect(samples).toHaveLength(relayed.length);
        },
      ),
    );
  });
});
