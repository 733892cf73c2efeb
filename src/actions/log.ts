import type { Observer } from "../flow.ts";
import type { Progress } from "../model/stage.ts";
import { forTerminal } from "../protect/sanitise.ts";
import type { Toolkit } from "./job.ts";

/**
 * Text as one line of a job's log. The runner obeys lines that begin with `::` and anything behind `##[`; text from
 * elsewhere must not give it orders.
 */
export function logLine(text: string): string {
  const line = forTerminal(text).replaceAll(/\s+/g, " ").trim();
  return line.replace(/^::/, ":\u200b:").replaceAll("##[", "##\u200b[");
}

/** The stages of a run in a job's log: a group per stage with its progress, and after it one line with its verdict. */
export function stageLog(core: Pick<Toolkit, "info" | "startGroup" | "endGroup">): Observer & {
  readonly step: Progress;
  /** Closes the group of a stage that did not end. */
  readonly stop: () => void;
} {
  let open = false;
  let last = "";
  const close = (): void => {
    if (open) core.endGroup();
    open = false;
  };
  return {
    started: (stage) => {
      core.startGroup(logLine(stage));
      open = true;
    },
    step: ({ label, done, total }) => {
      const tenth = `${label} ${Math.floor((10 * done) / total)}`;
      if (tenth === last) return;
      last = tenth;
      core.info(logLine(`${label}: ${done} of ${total}`));
    },
    ended: ({ stage, verdict, reasons, summary, durationMs }) => {
      close();
      core.info(
        logLine(`${stage}: ${verdict} (${reasons.join(", ")}) ${summary} [${(durationMs / 1000).toFixed(1)} s]`),
      );
    },
    stop: close,
  };
}
