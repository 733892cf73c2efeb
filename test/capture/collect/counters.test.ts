import { describe, expect, test } from "@jest/globals";
import { createCounters } from "../../../src/capture/collect/counters.ts";

const GAUGES = { queue_length: { help: "Spans that wait.", value: 3 } };

describe("counters", () => {
  test("series are told apart by their labels and summed over them", () => {
    const { add, total, text } = createCounters();
    add("received", { signal: "traces" }, 2);
    add("received", { signal: "logs" }, 5);
    add("received", { signal: "traces" }, 1);
    expect([total("received"), total("stored")]).toEqual([8, 0]);
    expect(text(GAUGES)).toContain('whetstone_collect_received_total{signal="traces"} 3\n');
    expect(text(GAUGES)).toContain("# TYPE whetstone_collect_queue_length gauge\nwhetstone_collect_queue_length 3\n");
  });

  test("durations fall into cumulative buckets, bounds included", () => {
    const { observe, text } = createCounters();
    for (const seconds of [0.005, 0.006, 0.3, 60]) observe({ signal: "traces" }, seconds);
    const lines = text(GAUGES)
      .split("\n")
      .filter((line) => line.startsWith("whetstone_collect_request_duration_seconds"));
    const bucket = (le: string) =>
      lines
        .find((line) => line.includes(`le="${le}"`))
        ?.split(" ")
        .at(-1);
    expect(["0.005", "0.01", "0.25", "0.5", "10", "+Inf"].map(bucket)).toEqual(["1", "2", "2", "3", "3", "4"]);
    expect(lines.at(-1)).toBe('whetstone_collect_request_duration_seconds_count{signal="traces"} 4');
    expect(Number(lines.at(-2)?.split(" ")[1])).toBeCloseTo(60.311);
  });

  test("label values are escaped, every series has its type, and the text ends with a line end", () => {
    const { add, text } = createCounters();
    add("rejected", { reason: 'a "b"\\\n' }, 1);
    const page = text(GAUGES);
    expect(page).toContain(String.raw`{reason="a \"b\"\\\n"} 1`);
    expect(page.endsWith("\n")).toBe(true);
    const typed = new Set([...page.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]));
    const names = [...page.matchAll(/^(\w+?)(?:_bucket|_sum|_count)?(?:\{| )/gm)].map((match) => match[1]);
    expect(names.filter((name) => !typed.has(name))).toEqual([]);
  });
});
