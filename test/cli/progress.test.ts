import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { stageProgress } from "../../src/cli/progress.ts";
import type { StageResult } from "../../src/model/dossier.ts";
import { bufferIo, holdsControl, HOSTILE } from "./buffer-io.ts";

const ended = (change: Partial<StageResult> = {}): StageResult => ({
  stage: "gate",
  verdict: "pass",
  reasons: ["ok"],
  durationMs: 12,
  summary: "fine",
  ...change,
});

describe("without a terminal", () => {
  test("one plain line per stage that ended, nothing while it runs", () => {
    const { io, out, err } = bufferIo();
    const progress = stageProgress(io);
    progress.started("gate");
    progress.step({ label: "one", done: 0, total: 2 });
    expect(err()).toBe("");
    progress.ended(ended());
    progress.ended(ended({ stage: "validate", verdict: "fail", summary: "checks: tests failed", durationMs: 2_500 }));
    progress.ended(ended({ stage: "canary", verdict: "inconclusive", summary: "undecided" }));
    progress.stop();
    expect(err()).toBe(
      "✓ gate      fine (12 ms)\n✗ validate  checks: tests failed (2.5 s)\n? canary    undecided (12 ms)\n",
    );
    expect(out()).toBe("");
  });

  test("whatever a server, a patch or a model says, it is one harmless line", () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, (summary) => {
        const { io, err } = bufferIo();
        stageProgress(io).ended(ended({ summary }));
        expect(err().endsWith(" (12 ms)\n")).toBe(true);
        expect(err().match(/\n/g)).toHaveLength(1);
        expect(holdsControl(err())).toBe(false);
      }),
    );
  });
});

test("colours mark the verdict where they are wanted", () => {
  const { io, err } = bufferIo({ terminal: true });
  // The spinner itself draws only on a real terminal, which the tests' standard error is not.
  stageProgress(io).ended(ended({ verdict: "fail" }));
  expect(err()).toBe("\u001b[31m✗\u001b[39m gate      fine \u001b[2m(12 ms)\u001b[22m\n");
});
