import { describe, expect, test } from "@jest/globals";
import { detectFanOut } from "../../../src/analyze/detect/fan-out.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import { repeat, type Plan } from "../population.ts";

/** `width` calls at the same time, of which the i-th takes `length(i)` ms. */
function burst(width: number, length: (i: number) => number): Plan {
  const children = Array.from({ length: width }, (_, i) => ({ name: "load", at: 1, ms: length(i) }));
  return { name: "report", at: 0, ms: 2 + Math.max(...children.map(({ ms }) => ms)), children };
}
const detect = (plan: Plan): Finding[] => detectFanOut(groupTraces(repeat(15, () => plan)));

describe("detectFanOut", () => {
  test("many calls at once that queue: how many, and what queueing costs", () => {
    const [finding, ...rest] = detect(burst(40, (i) => 1 + Math.floor(i / 4)));
    expect(rest).toEqual([]);
    // The last takes 10 ms, the shortest quarter up to 3 ms.
    expect(Finding.parse(finding)).toMatchObject({ id: "fan_out:notes:report", value: 40, child: "load", gainMs: 7 });
  });

  test("many at once that take as long as one alone are no problem", () => {
    expect(detect(burst(40, () => 5))).toEqual([]);
  });

  test.each([
    [19, 0],
    [20, 1],
  ])("%d at once make %d findings", (width, findings) => {
    expect(detect(burst(width, (i) => 1 + i))).toHaveLength(findings);
  });

  test("as many one after the other are no fan-out", () => {
    const children = Array.from({ length: 40 }, (_, i) => ({ name: "load", at: 1 + i * 2, ms: 1 + i / 40 }));
    expect(detect({ name: "report", at: 0, ms: 90, children })).toEqual([]);
  });
});
