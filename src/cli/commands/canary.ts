import type { Register } from "../command.ts";
import { common, type CommonOptions } from "../command.ts";

export type JudgeOptions = CommonOptions & {
  readonly control?: string;
  readonly experiment?: string;
  readonly kayenta?: string;
  readonly weight?: string;
  readonly slowerThan?: string;
  readonly margin?: string;
  readonly alpha?: string;
  readonly beta?: string;
};

/** `whetstone canary judge`. */
export const canary: Register = (program, context) => {
  const group = program.command("canary").description("judge a canary against its baseline");
  const judge = group
    .command("judge")
    .description("promote, rollback or continue, valid at every look")
    .option("--control <file>", "calls of the baseline: CSV or NDJSON of timestamp,operation,durationMs,error")
    .option("--experiment <file>", "calls of the canary, same format")
    .option("--kayenta <file>", "judge this JSON as Kayenta's judge does instead")
    .option("--weight <share>", "share of the traffic that was routed to the canary, 0 to 1 (default: as counted)")
    .option("--slower-than <duration>", "calls slower than this count as bad events too, such as 250ms")
    .option("--margin <ratio>", "largest accepted ratio of bad events")
    .option("--alpha <p>", "greatest probability of a false rollback")
    .option("--beta <p>", "greatest probability of a false promotion");
  common(judge, "canary judge --control baseline.csv --experiment canary.csv");
  judge.action(async (options: JudgeOptions) => {
    const { runJudge } = await import("../run/canary.ts");
    context.exit(await runJudge(options, context.io));
  });
};
