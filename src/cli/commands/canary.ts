import { Option, type Command } from "commander";
import { common, type CommandContext, type CommonOptions, type Register } from "../command.ts";
import { addRollout } from "./canary-rollout.ts";

/** Flags of both judges. */
type GuaranteeFlags = CommonOptions & {
  readonly slowerThan?: string;
  readonly margin?: string;
  readonly alpha?: string;
  readonly beta?: string;
  readonly unit: string;
};

export type JudgeOptions = GuaranteeFlags & {
  readonly control?: string;
  readonly experiment?: string;
  readonly kayenta?: string;
  readonly weight?: string;
  readonly now?: string;
  readonly atDeadline?: string;
};

export type AaFlags = GuaranteeFlags & {
  readonly control?: string;
  readonly target?: string;
  readonly since: string;
  readonly until?: string;
  readonly repeat: string;
  readonly weight: string;
  readonly seed: string;
  readonly live?: boolean;
  readonly period: string;
  readonly once?: boolean;
};

/** `whetstone canary judge|aa|run|status|promote|rollback`. */
export const canary: Register = (program, context) => {
  const group = program.command("canary").description("judge a canary against its baseline");
  const judge = group
    .command("judge")
    .description("promote, rollback or continue, valid at every look")
    .option("--control <file>", "calls of the baseline: CSV or NDJSON of timestamp,operation,durationMs,error")
    .option("--experiment <file>", "calls of the canary, same format")
    .option("--kayenta <file>", "judge this JSON as Kayenta's judge does instead")
    .option("--weight <share>", "share of the traffic that was routed to the canary, 0 to 1 (default: as counted)")
    .option("--slower-than <duration>", "calls slower than this count as bad events too, such as 250ms");
  guarantee(judge)
    .option("--now <time>", "when this is asked, RFC 3339: stale data and calls from the future promote nothing")
    .addOption(
      new Option("--at-deadline <what>", "no more calls will come; what an open verdict becomes").choices([
        "inconclusive",
        "rollback",
      ]),
    );
  common(
    judge,
    "canary judge --control baseline.csv --experiment canary.csv",
    "0 promote (Pass), 1 roll back (Fail), 3 continue (Marginal)",
  );
  judge.action(async (options: JudgeOptions) => {
    const { runJudge } = await import("../run/canary.ts");
    context.exit(await runJudge(options, context.io));
  });
  addAa(group, context);
  addRollout(group, context);
};

/** What the judge promises, and of what. */
function guarantee(command: Command): Command {
  return command
    .option("--margin <ratio>", "largest accepted ratio of bad events")
    .option("--alpha <p>", "greatest probability of a false rollback")
    .option("--beta <p>", "greatest probability of a false promotion")
    .addOption(
      new Option("--unit <unit>", "what counts once: each call, or each session with all its calls")
        .choices(["call", "session"])
        .default("call"),
    );
}

function addAa(group: Command, context: CommandContext): void {
  const aa = group
    .command("aa")
    .description("judge a baseline against itself and publish how often the judge is wrong")
    .option("--control <file>", "calls of the baseline, CSV or NDJSON (default: the stored calls)")
    .option("--target <name>", "only stored calls of this service")
    .option("--since <time>", "start of the window of stored calls", "-1h")
    .option("--until <time>", "end of the window (default: now)")
    .option("--repeat <n>", "how often", "200")
    .option("--weight <share>", "share of the sessions that go to the canary", "0.5")
    .option("--slower-than <duration>", "calls faster than this never count as slow, such as 100ms");
  guarantee(aa)
    .option("--seed <text>", "another seed draws other sessions", "aa")
    .option(
      "--live",
      "both arms of the proxy serve the same version: judge each period of their traffic, and keep the rates",
    )
    .option("--period <duration>", "with --live: how long each period is", "1h")
    .option("--once", "with --live: judge what is over, then end");
  common(
    aa,
    "canary aa --control baseline.csv --repeat 500",
    "0 the promised rates held, 1 one did not, 3 too few calls to say",
  );
  aa.action(async (flags: AaFlags) => {
    if (flags.live === true) {
      const { runLiveAa } = await import("../run/canary-aa-live.ts");
      context.exit(await runLiveAa(flags, context.io));
      return;
    }
    const { runAa } = await import("../run/canary-aa.ts");
    context.exit(await runAa(flags, context.io));
  });
}
