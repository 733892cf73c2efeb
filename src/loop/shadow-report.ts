import { z } from "zod";
import { judgeCanary } from "../canary/judge.ts";
import type { ShadowRecord, ShadowTriple } from "../capture/mirror.ts";
import type { Arm, CallResult, CallSample } from "../model/call.ts";
import { CanaryVerdict } from "../model/verdict.ts";
import { compareResults, learnNoise } from "../validate/compare.ts";

/** How many differences of one tool are shown; all are counted. */
const SHOWN = 5;

const Difference = z.strictObject({
  /** JSON path of the first difference of a call. */
  path: z.string(),
  baseline: z.string(),
  candidate: z.string(),
});

/** What a shadow found. */
export const ShadowReport = z.strictObject({
  schema: z.literal("whetstone.shadow/1"),
  /** Calls that were made again, by tool. */
  tools: z.array(
    z.strictObject({
      tool: z.string(),
      calls: z.int(),
      differing: z.int(),
      /** The first of them. */
      differences: z.array(Difference),
      /** Fields in which the baseline differs from itself; they are not compared. */
      noise: z.array(z.string()),
    }),
  ),
  skipped: z.strictObject({ notReadOnly: z.int(), notAllowed: z.int(), dropped: z.int() }),
  /** Errors and times of the candidate against the second process of the baseline; null without a call. */
  judged: CanaryVerdict.nullable(),
});
export type ShadowReport = z.infer<typeof ShadowReport>;

/** Compares the answers of a shadow, and the errors and times that went with them. */
export function reportShadow({ triples, skipped }: ShadowRecord): ShadowReport {
  const byTool = Map.groupBy(triples, ({ baseline }) => baseline.tool);
  const names = [...byTool.keys()].sort();
  return {
    schema: "whetstone.shadow/1",
    tools: names.map((tool) => compareTool(tool, byTool.get(tool) ?? [])),
    skipped,
    judged: triples.length === 0 ? null : judgeCanary(samplesOf(triples), { weight: 0.5 }),
  };
}

function compareTool(tool: string, triples: readonly ShadowTriple[]): ShadowReport["tools"][number] {
  const answers = (of: keyof ShadowTriple): CallResult[] => triples.map((triple) => triple[of]);
  const noise = learnNoise([answers("baseline"), answers("reference")]);
  const found = compareResults(answers("baseline"), answers("candidate"), noise);
  return {
    tool,
    calls: triples.length,
    differing: found.length,
    differences: found.slice(0, SHOWN).map(({ path, before, after }) => ({ path, baseline: before, candidate: after })),
    noise: [...noise].map((key) => key.slice(tool.length + 1)).sort(),
  };
}

/** Both were called one after the other on the same call: an even split, in the order of the calls. */
function samplesOf(triples: readonly ShadowTriple[]): CallSample[] {
  const sample = ({ key, tool, durationMs, status }: CallResult, arm: Arm, timestamp: number): CallSample => ({
    timestamp,
    operation: tool,
    durationMs,
    error: status !== "ok",
    arm,
    session: `${arm} ${key}`,
  });
  return triples.flatMap(({ reference, candidate }, index) => [
    sample(reference, "baseline", index),
    sample(candidate, "canary", index),
  ]);
}
