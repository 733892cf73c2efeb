import { describe, expect, test } from "@jest/globals";
import { retryDetails, statusAnswer, successAnswer } from "../../../src/capture/otlp/answer.ts";
import { SIGNALS } from "../../../src/capture/otlp/signal.ts";
import { decode } from "./descriptors.ts";

const json = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
const FULL = { rejected: 0, message: "" };

describe("answers", () => {
  test("full success is an empty message", () => {
    for (const signal of SIGNALS) {
      expect(successAnswer(signal, "protobuf", FULL)).toHaveLength(0);
      expect(json(successAnswer(signal, "json", FULL))).toEqual({});
    }
  });

  test.each([1, 127, 128, 300, 2 ** 40])("partial success with %d rejected", (rejected) => {
    const message = "trace id is malformed (é)";
    expect(decode("ExportServiceResponse", successAnswer("traces", "protobuf", { rejected, message }))).toEqual({
      partialSuccess: { rejected: String(rejected), errorMessage: message },
    });
    const members = { traces: "rejectedSpans", metrics: "rejectedDataPoints", logs: "rejectedLogRecords" };
    for (const signal of SIGNALS) {
      expect(json(successAnswer(signal, "json", { rejected, message }))).toEqual({
        partialSuccess: { [members[signal]]: String(rejected), errorMessage: message },
      });
    }
  });

  test("a warning without rejected items is no full success", () => {
    expect(decode("ExportServiceResponse", successAnswer("logs", "protobuf", { rejected: 0, message: "x" }))).toEqual({
      partialSuccess: { errorMessage: "x" },
    });
  });

  test("a failure is a google.rpc.Status", () => {
    const message = "x".repeat(200);
    expect(decode("RpcStatus", statusAnswer("protobuf", message))).toEqual({ message });
    expect(json(statusAnswer("json", message))).toEqual({ message });
  });

  test("details for a retry hold a RetryInfo", () => {
    const status = decode("RpcStatus", retryDetails(8, "full", 1)) as { details: [{ value: string }] };
    expect(status).toMatchObject({
      code: 8,
      message: "full",
      details: [{ typeUrl: "type.googleapis.com/google.rpc.RetryInfo" }],
    });
    expect(decode("RetryInfo", Buffer.from(status.details[0].value, "base64"))).toEqual({
      retryDelay: { seconds: "1" },
    });
  });
});
