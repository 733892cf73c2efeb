import type { Observer } from "../flow.ts";
import type { Progress } from "../model/stage.ts";
import { forLogLine } from "../protect/sanitise-out.ts";
import type { Toolkit } from "./job.ts";

/** Text as one line of a job's log, see {@link forLogLine}; white space between words becomes one space. */
export function logLine(text: string): string {
  return forLogLine(text.replaceAll(/\s+/g, " ").trim());
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
