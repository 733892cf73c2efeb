import { DiagLogLevel } from "@opentelemetry/api";
import { describe, expect, test } from "@jest/globals";
import { logLevelOf, quietLog } from "../../src/instrument/stderr-log.ts";

describe("quietLog", () => {
  test("writes each message once and counts the rest", () => {
    const written: string[] = [];
    const { logger, repeated } = quietLog((line) => written.push(line));
    for (let i = 0; i < 3; i += 1) logger.error("no collector", new Error("refused"));
    logger.warn("other", 5);
    expect(written).toEqual(["whetstone: no collector refused", "whetstone: other 5"]);
    expect(repeated()).toEqual(["whetstone: 3 times: no collector refused"]);
  });

  test("a line is one line and short, and says when it was cut", () => {
    const written: string[] = [];
    quietLog((line) => written.push(line)).logger.info(`a\nb\u001b[31m\r\n${"x".repeat(600)}`);
    expect(written[0]).toMatch(/^whetstone: a b \[31m x+ \[cut: 500 of 609\]$/);
  });

  test("tells two hundred messages apart, not more", () => {
    const written: string[] = [];
    const { logger, repeated } = quietLog((line) => written.push(line));
    for (let i = 0; i < 500; i += 1) logger.debug(`message ${i}`);
    expect(written).toHaveLength(201);
    expect(repeated()).toEqual(["whetstone: 300 times: other messages"]);
  });
});

test.each([
  ["error", DiagLogLevel.ERROR],
  [" DEBUG ", DiagLogLevel.DEBUG],
  ["none", DiagLogLevel.NONE],
  ["loud", DiagLogLevel.WARN],
  [undefined, DiagLogLevel.WARN],
])("level of %j", (name, level) => {
  expect(logLevelOf(name)).toBe(level);
});
