import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { SEED } from "./fast-check.ts";

test("property tests draw the same cases in every run, unless FC_SEED says otherwise", () => {
  expect(fc.readConfigureGlobal().seed).toBe(SEED);
  const draw = () => fc.sample(fc.double(), { seed: fc.readConfigureGlobal().seed ?? 0, numRuns: 5 });
  expect(draw()).toEqual(draw());
});

test("the weekly run draws new ones", () => {
  const workflow = readFileSync(new URL("../../.github/workflows/ci.yml", import.meta.url), "utf8");
  expect(workflow).toMatch(/schedule:\n\s+- cron: /);
  expect(workflow).toContain("FC_SEED: ${{ github.event_name == 'schedule' && github.run_id || '' }}");
});
