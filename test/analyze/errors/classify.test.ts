import { describe, expect, test } from "@jest/globals";
import { callsOf } from "../../../src/analyze/calls.ts";
import { classifyError, errorTypeOf, type ERROR_CLASSES } from "../../../src/analyze/errors/classify.ts";
import { buildTree } from "../../../src/analyze/tree.ts";
import type { Span } from "../../../src/model/span.ts";
import { span, spanIdOf } from "../population.ts";

const failed = (given: Partial<Span>): Span => span({ spanId: spanIdOf(0), status: "error", ...given });

describe("classifyError", () => {
  test.each<[string, Partial<Span>, (typeof ERROR_CLASSES)[number]]>([
    ["invalid params", { attributes: { "error.type": "-32602" } }, "caller_mistake"],
    ["parse error", { attributes: { "error.type": "-32700" } }, "caller_mistake"],
    ["unsupported version", { attributes: { "rpc.response.status_code": "-32022" } }, "caller_mistake"],
    ["HTTP 404 as a number", { attributes: { "http.response.status_code": 404 } }, "caller_mistake"],
    ["gRPC by name", { attributes: { "error.type": "INVALID_ARGUMENT" } }, "caller_mistake"],
    ["a tool's own failure", { attributes: { "error.type": "tool_error" } }, "tool_failure"],
    ["timeout", { attributes: { "error.type": "timeout" } }, "unreachable"],
    ["refused", { attributes: { "error.type": "ECONNREFUSED" } }, "unreachable"],
    ["HTTP 503", { attributes: { "http.response.status_code": 503 } }, "unreachable"],
    ["only a message", { statusMessage: "deadline exceeded" }, "unreachable"],
    ["internal error", { attributes: { "error.type": "-32603" } }, "server_fault"],
    ["any exception", { attributes: { "error.type": "TypeError" } }, "server_fault"],
    ["nothing said", {}, "server_fault"],
  ])("%s", (_name, given, expected) => {
    expect(classifyError(failed(given))).toBe(expected);
  });

  test("a span whose status is no error has no class, whatever its attributes", () => {
    expect(classifyError(failed({ status: "unset", attributes: { "error.type": "timeout" } }))).toBeUndefined();
    expect(classifyError(failed({ status: "ok" }))).toBeUndefined();
  });
});

describe("errorTypeOf", () => {
  const typeOf = (given: Partial<Span>): string => {
    const [call] = callsOf(buildTree([failed(given)]));
    return call === undefined ? "no call" : errorTypeOf(call);
  };

  test("error.type, else the recorded exception, else _OTHER", () => {
    const events = [{ name: "exception", timeNs: 0n, attributes: { "exception.type": "RangeError" } }];
    expect(typeOf({ attributes: { "error.type": "timeout" }, events })).toBe("timeout");
    expect(typeOf({ events })).toBe("RangeError");
    expect(typeOf({ attributes: { "error.type": "" } })).toBe("_OTHER");
    expect(typeOf({ attributes: { "error.type": 500 } })).toBe("_OTHER");
  });
});
