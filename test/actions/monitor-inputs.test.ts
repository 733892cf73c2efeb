import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { MONITOR_INPUTS, readMonitorInputs } from "../../src/actions/monitor-inputs.ts";
import fc from "../support/fast-check.ts";

const HOUR = 3_600_000_000_000n;
const NOW = 2_000_000n * HOUR;
const read = (inputs: Readonly<Record<string, string>> = {}) =>
  readMonitorInputs({ get: (name) => inputs[name] ?? "", given: Object.keys(inputs), workspace: "/w" }, NOW);

describe("inputs of the monitor", () => {
  test("look back a day and compare with the day before, when nothing is said", () => {
    expect(read()).toEqual({
      folder: "/w",
      config: "/w/whetstone.yaml",
      window: { sinceNs: NOW - 24n * HOUR, untilNs: NOW },
      baseline: { sinceNs: NOW - 48n * HOUR, untilNs: NOW - 24n * HOUR },
      least: "major",
      expectTraffic: true,
      dryRun: false,
      target: undefined,
      token: undefined,
    });
  });

  test("are those of its action.yml, whose defaults mean the same", () => {
    const action = parse(readFileSync("actions/monitor/action.yml", "utf8")) as {
      readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
    };
    expect(Object.keys(action.inputs)).toEqual([...MONITOR_INPUTS]);
    const defaults = Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? ""]);
    expect(read(Object.fromEntries(defaults))).toEqual(read());
  });

  test.each([
    ["-8d..-7d", { sinceNs: NOW - 192n * HOUR, untilNs: NOW - 168n * HOUR }],
    ["none", undefined],
  ])("`baseline: %s` is taken", (baseline, window) => {
    expect(read({ baseline }).baseline).toEqual(window);
  });

  test.each([
    [{ window: "soon" }, "is not a duration"],
    [{ window: "0h" }, "is empty"],
    [{ window: "0.1ns" }, "is empty"],
    [{ baseline: "yesterday" }, "is no window"],
    [{ baseline: "-2d..-1d..now" }, "is no window"],
    [{ baseline: "-7d..-8d" }, "ends before it starts"],
    [{ baseline: "-3d..-1h" }, "would be compared with itself"],
    [{ severity: "bad" }, "is no severity"],
    [{ "expect-traffic": "maybe" }, "neither true nor false"],
    [{ "dry-run": "y" }, "neither true nor false"],
    [{ config: "../x" }, "leads out of"],
    [{ "working-directory": "/etc" }, "leads out of"],
    [{ mode: "analysis" }, "There is no input `mode`"],
  ])("%j is refused with what is wrong", (inputs, said) => {
    expect(() => read(inputs)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(said) }),
    );
  });

  test("a baseline never reaches into the window, whatever is written", () => {
    const time = fc.integer({ min: 0, max: 400 }).map((hours) => `-${hours}h`);
    fc.assert(
      fc.property(time, time, fc.integer({ min: 1, max: 100 }), (from, to, hours) => {
        const baseline = `${from}..${to}`;
        try {
          const inputs = read({ baseline, window: `${hours}h` });
          expect(inputs.baseline?.untilNs).toBeLessThanOrEqual(inputs.window.sinceNs);
          expect(inputs.baseline?.sinceNs).toBeLessThan(inputs.baseline?.untilNs ?? 0n);
        } catch (error) {
          expect(error).toMatchObject({ code: "usage" });
        }
      }),
    );
  });
});
