import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { logLine, stageLog } from "../../src/actions/log.ts";

describe("logLine", () => {
  test("plain text stays as it is", () => {
    expect(logLine("search: 12 of 40, a::b, #1")).toBe("search: 12 of 40, a::b, #1");
  });

  test.each([
    "::add-mask::x",
    "  ::set-output name=a::b",
    "x\n::stop-commands::t",
    "a ##[error]b",
    "\u001b[31m::error::x",
  ])("%j gives the runner no order", (text) => {
    expect(logLine(text)).not.toMatch(/^\s*::|\n|##\[/);
  });

  test("a secret that can be told from its form is not shown", () => {
    const secret = `ghp_${"a1B2".repeat(9)}`;
    expect(logLine(`Bad credentials: ${secret}`)).not.toContain(secret);
  });

  test("no text gives the runner an order", () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom("::", "##[", "#", "[", "\n", "\r", " ", "\u001b[0m", "error"));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(logLine(pieces.join(""))).not.toMatch(/^\s*::|[\n\r]|##\[/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("stageLog", () => {
  function recorded() {
    const lines: string[] = [];
    const log = stageLog({
      info: (line) => lines.push(line),
      startGroup: (name) => lines.push(`<${name}`),
      endGroup: () => lines.push(">"),
    });
    return { lines, log };
  }

  test("a group per stage, with the verdict behind it where it is seen without opening the group", () => {
    const { lines, log } = recorded();
    log.started("capture");
    log.step({ label: "sessions", done: 1, total: 2 });
    const summary = "9 traces\n::error::x";
    log.ended({ stage: "capture", verdict: "pass", reasons: ["ok"], summary, durationMs: 1250 });
    log.stop();
    expect(lines).toEqual(["<capture", "sessions: 1 of 2", ">", "capture: pass (ok) 9 traces ::error::x [1.3 s]"]);
  });

  test("the group of a stage that did not end is closed, once", () => {
    const { lines, log } = recorded();
    log.started("replay");
    log.stop();
    log.stop();
    expect(lines).toEqual(["<replay", ">"]);
  });

  test("long work is at most ten lines per label, the last step among them", () => {
    const { lines, log } = recorded();
    for (let done = 1; done <= 500; done++) log.step({ label: "calls", done, total: 500 });
    expect(lines.length).toBeLessThanOrEqual(11);
    expect(lines.at(-1)).toBe("calls: 500 of 500");
  });
});
