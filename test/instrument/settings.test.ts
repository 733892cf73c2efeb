import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readSettings, withoutConsole } from "../../src/instrument/settings.ts";

describe("readSettings", () => {
  test("has defaults for an empty environment and complains of nothing", () => {
    expect(readSettings({})).toEqual({
      startSdk: true,
      disabled: false,
      exportTraces: true,
      protocol: "http/protobuf",
      queue: {
        maxQueueSize: undefined,
        maxExportBatchSize: undefined,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: undefined,
      },
      head: undefined,
      tail: undefined,
      captureContent: false,
      complaints: [],
    });
  });

  test("reads the standard variables", () => {
    const settings = readSettings({
      WHETSTONE_SDK: "False",
      OTEL_SDK_DISABLED: "TRUE",
      OTEL_TRACES_EXPORTER: "none",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: " http/json ",
      OTEL_BSP_MAX_QUEUE_SIZE: "10",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5",
      OTEL_BSP_SCHEDULE_DELAY: "0",
      OTEL_BSP_EXPORT_TIMEOUT: "99",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      WHETSTONE_TAIL_PROBABILITY: "0.1",
      WHETSTONE_TAIL_SLOW_MS: "250",
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true",
    });
    expect(settings).toEqual({
      startSdk: false,
      disabled: true,
      exportTraces: false,
      protocol: "http/json",
      queue: { maxQueueSize: 10, maxExportBatchSize: 5, scheduledDelayMillis: 0, exportTimeoutMillis: 99 },
      head: { probability: 0.25, parentBased: false },
      tail: { probability: 0.1, slowMs: 250 },
      captureContent: true,
      complaints: [],
    });
  });

  test.each([
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "many" }, 'OTEL_BSP_MAX_QUEUE_SIZE is "many"'],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "-1" }, 'OTEL_BSP_MAX_QUEUE_SIZE is "-1"'],
    [{ WHETSTONE_TAIL_PROBABILITY: "1.5" }, "no number from 0 to 1;"],
    [{ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "x" }, "OTEL_TRACES_SAMPLER_ARG"],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "carrier/pigeon" }, "no protocol of OTLP (grpc, http/protobuf, http/json)"],
    [{ OTEL_TRACES_EXPORTER: "console" }, "stdout carries MCP"],
    [{ OTEL_TRACES_EXPORTER: "otlp,zipkin" }, "only otlp and none are known"],
  ])("%j: falls back and says so", (given, complaint) => {
    const env: Record<string, string> = given;
    const settings = readSettings(env);
    expect(settings.complaints).toEqual([expect.stringContaining(complaint)]);
    expect({ ...settings, complaints: [], head: undefined }).toEqual({
      ...readSettings({}),
      exportTraces: env["OTEL_TRACES_EXPORTER"] !== "console",
    });
  });

  test("a ratio sampler without its argument keeps everything", () => {
    expect(readSettings({ OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }).head).toEqual({
      probability: 1,
      parentBased: true,
    });
    expect(readSettings({ OTEL_TRACES_SAMPLER: "always_off" }).head).toBeUndefined();
  });

  test("property: no environment makes it throw or gives a share outside 0 to 1", () => {
    const names = [
      "OTEL_TRACES_EXPORTER",
      "OTEL_BSP_SCHEDULE_DELAY",
      "OTEL_TRACES_SAMPLER",
      "OTEL_TRACES_SAMPLER_ARG",
      "WHETSTONE_TAIL_PROBABILITY",
      "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.constantFrom("otlp", "none", "console", "traceidratio"),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
        const { head, tail, queue } = readSettings(env);
        for (const share of [head?.probability ?? 0, tail?.probability ?? 0]) {
          expect(share >= 0 && share <= 1).toBe(true);
        }
        expect(queue.scheduledDelayMillis).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test.each([
  [undefined, undefined],
  ["", undefined],
  ["otlp", undefined],
  ["console", "none"],
  ["otlp, console ,prometheus", "otlp,prometheus"],
])("withoutConsole(%j) is %j", (value, left) => {
  expect(withoutConsole(value)).toBe(left);
});
