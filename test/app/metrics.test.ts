import { expect, test } from "@jest/globals";
import { createAppMetrics } from "../../src/app/metrics.ts";

const NONE = { waiting: 0, running: 0, dead: 0 };

test("counts by labels, and every name stands there from the start", () => {
  const metrics = createAppMetrics();
  expect(metrics.text(NONE, 0)).toContain("# TYPE whetstone_app_deliveries_total counter\n");
  metrics.count("whetstone_app_deliveries_total", { event: "push", result: "added" });
  metrics.count("whetstone_app_deliveries_total", { event: "push", result: "added" }, 2);
  metrics.count("whetstone_app_missed_deliveries_total");
  const text = metrics.text(NONE, 0);
  expect(text).toContain('whetstone_app_deliveries_total{event="push",result="added"} 3\n');
  expect(text).toContain("whetstone_app_missed_deliveries_total 1\n");
});

test("buckets of a histogram add up to its count", () => {
  const metrics = createAppMetrics();
  for (const seconds of [0.004, 0.005, 0.09, 3, 1_000]) metrics.observe("whetstone_app_ack_seconds", seconds);
  const lines = metrics.text(NONE, 0).split("\n");
  const bucket = (le: string) => lines.find((line) => line.startsWith(`whetstone_app_ack_seconds_bucket{le="${le}"}`));
  expect(["0.005", "0.05", "0.1", "5", "60", "+Inf"].map((le) => bucket(le)?.split(" ")[1])).toEqual([
    "2",
    "2",
    "3",
    "4",
    "4",
    "5",
  ]);
  expect(lines).toContain("whetstone_app_ack_seconds_count 5");
  expect(lines.find((line) => line.startsWith("whetstone_app_ack_seconds_sum"))).toMatch(/ 1003\.09/);
});

test("shows the queue, and how old the oldest due work is", () => {
  const text = createAppMetrics().text({ waiting: 3, running: 1, dead: 2, dueSince: 4_000 }, 9_500);
  expect(text).toContain('whetstone_app_queue_works{state="dead"} 2\n');
  expect(text).toContain("whetstone_app_queue_oldest_seconds 5.5\n");
  const ahead = createAppMetrics().text({ ...NONE, dueSince: 9_999 }, 1);
  expect(ahead).toContain("whetstone_app_queue_oldest_seconds 0\n");
});
