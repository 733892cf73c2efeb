import spinner from "yocto-spinner";
import type { Observer } from "../flow.ts";
import type { Progress } from "../model/stage.ts";
import type { Io } from "./io.ts";
import { formatMs, oneLine, paintErr } from "./table.ts";

/** Shows the stages of a run on standard error: one moving line on a terminal, one line per finished stage everywhere. */
export function stageProgress(io: Io): Observer & { readonly step: Progress; readonly stop: () => void } {
  // Ctrl-C is the run's to handle: the spinner would end the process before anything is released.
  const moving = io.terminal ? spinner({ text: "", handleSignals: false }) : undefined;
  let current = "";
  return {
    started: (stage) => {
      current = stage;
      moving?.start(stage);
    },
    step: ({ label, done, total }) => {
      if (moving) moving.text = `${current}: ${oneLine(label)} (${done}/${total})`;
    },
    ended: ({ stage, verdict, summary, durationMs }) => {
      moving?.stop();
      const mark =
        verdict === "pass"
          ? paintErr(io, "green", "✓")
          : paintErr(io, verdict === "fail" ? "red" : "yellow", verdict === "fail" ? "✗" : "?");
      io.err(`${mark} ${stage.padEnd(9)} ${oneLine(summary)} ${paintErr(io, "dim", `(${formatMs(durationMs)})`)}\n`);
    },
    stop: () => moving?.stop(),
  };
}

/** Shows how far a long work has come: one moving line on a terminal, nothing elsewhere. */
export function countProgress(io: Io, what: string) {
  const moving = io.terminal ? spinner({ text: what, handleSignals: false }).start() : undefined;
  return {
    show: ({ done, total }: { readonly done: number; readonly total?: number }): void => {
      if (moving) moving.text = `${what}: ${done}${total === undefined ? "" : ` of ${total}`}`;
    },
    stop: (): void => void moving?.stop(),
  };
}
