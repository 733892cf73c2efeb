import type { GateStep, GateStepEnd, runGateStep } from "../loop/gate-step.ts";
import { formatNumber } from "../propose/report.ts";
import { readCanaryInputs } from "./canary-inputs.ts";
import { endJob, type Ending } from "./ending.ts";
import { runUrl } from "./job.ts";
import { logLine } from "./log.ts";
import type { MonitorJob } from "./monitor-job.ts";
import { cell } from "./summary.ts";

/** Everything that the action touches. */
export type CanaryJob = Omit<MonitorJob, "monitor"> &
  Pick<GateStep, "untilNextLook"> & { readonly execute: typeof runGateStep };

/** Outputs of the action, as its `action.yml` lists them. */
export const CANARY_OUTPUTS = ["decision", "reason-code", "result"] as const;

/**
 * Waits for the verdict on a canary. The job is green when the canary may be promoted and red when it must be rolled
 * back; an undecided one is red too unless `at-deadline: none` leaves it to what comes after.
 */
export function runCanaryJob(job: CanaryJob): Promise<void> {
  return endJob({ ...job, outputNames: CANARY_OUTPUTS }, () => work(job));
}

async function work(job: CanaryJob): Promise<Ending> {
  const { core, context, env, given, workspace, clock, untilNextLook, execute } = job;
  const { folder, config, redAtDeadline, ...request } = readCanaryInputs({ get: core.getInput, given, workspace });
  let last = "";
  const end = await execute({
    ...request,
    places: { cwd: folder, config },
    env,
    clock,
    untilNextLook,
    told: ({ state, reasons }) => {
      const line = `${state}: ${reasons.join(", ")}`;
      if (line !== last) core.info(logLine(line));
      last = line;
    },
  });
  return ending(end, { redAtDeadline, url: runUrl(context) });
}

const RESULT = { approved: "promote", rejected: "rollback", open: "inconclusive" } as const;
const DECISION = { approved: "allow", rejected: "deny", open: "none" } as const;

function ending(end: GateStepEnd, { redAtDeadline, url }: { readonly redAtDeadline: boolean; url: string }): Ending {
  const { state, reasons } = end.opinion;
  const isRed = state === "rejected" || (state === "open" && redAtDeadline);
  const outputs = {
    decision: isRed ? "deny" : DECISION[state],
    "reason-code": reasons[0],
    result: RESULT[state],
  } satisfies Readonly<Record<(typeof CANARY_OUTPUTS)[number], string>>;
  const message = logLine(`Whetstone: ${outputs.result} (${reasons.join(", ")}) after ${end.looks} looks`);
  return { outputs, summary: summaryOf(end, url), message, failed: isRed };
}

function summaryOf({ target, opinion, seen }: GateStepEnd, url: string): string {
  const { verdict, reasons, state } = opinion;
  const number = (value: number | null): string => (value === null ? "none" : formatNumber(value));
  const rows = (verdict?.metrics ?? []).map(
    ({ name, control, experiment, effect, verdict: own }) =>
      `| ${cell(name)} | ${number(control)} | ${number(experiment)} | ${number(effect)} | ${own} |`,
  );
  const head = ["| metric | baseline | canary | ratio | verdict |", "|---|---:|---:|---:|---|"];
  const left = seen.foreign === 0 ? "" : `${seen.foreign} calls of another commit's canary were left out.`;
  const parts = [
    `## Whetstone canary of ${cell(target)}: ${RESULT[state]}`,
    `**Verdict:** ${reasons.join(", ")}. Calls: ${verdict?.calls.control ?? 0} of the baseline, ${verdict?.calls.experiment ?? 0} of the canary.`,
    [...head, ...rows].join("\n"),
    left,
    `Run: ${url}`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
