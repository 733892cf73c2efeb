import { z } from "zod";
import { Instant } from "./json.ts";
import { Actor } from "./ledger.ts";

/** `stop.json` on the state branch and `.whetstone/stop.json` beside it: while one is there, nothing is changed. */
export const StopRecord = z.strictObject({
  schema: z.literal("whetstone.stop/1"),
  by: Actor,
  at: Instant,
  why: z.string().min(1).max(500).nullable(),
});
export type StopRecord = z.infer<typeof StopRecord>;

/** Variable of the repository on GitHub that stops everything while it is set. */
export const STOP_VARIABLE = "WHETSTONE_STOP";

/** One of the places of the flag. What cannot be read counts as a stop. */
export type StopFlag =
  | { readonly kind: "running" }
  /** The variable is set, to this. */
  | { readonly kind: "variable"; readonly value: string }
  | { readonly kind: "stopped"; readonly record: StopRecord }
  | { readonly kind: "unreadable"; readonly detail: string };

/** All places of the flag; the variable where it is looked at. */
export type StopState = { readonly local: StopFlag; readonly state: StopFlag; readonly variable?: StopFlag };

/** Whether a state lets things go on: only when all flags are read and absent. */
export function isRunning({ local, state, variable }: StopState): boolean {
  return [local, state, ...(variable === undefined ? [] : [variable])].every(({ kind }) => kind === "running");
}

/** What the variable says: it stops unless it is absent, empty, or a word for no. */
export function variableFlag(value: string | undefined): StopFlag {
  const text = value?.trim() ?? "";
  if (/^(?:|0|false|no|off)$/i.test(text)) return { kind: "running" };
  return { kind: "variable", value: text.slice(0, 100) };
}

/** Who stopped and why, in one line for people; undefined while all is running. */
export function describeStop({ local, state, variable = { kind: "running" } }: StopState): string | undefined {
  const lines = [
    describeFlag("this machine", local),
    describeFlag("branch whetstone/state", state),
    describeFlag(`variable ${STOP_VARIABLE}`, variable),
  ];
  const said = lines.filter((line) => line !== undefined);
  return said.length === 0 ? undefined : said.join("; ");
}

function describeFlag(where: string, flag: StopFlag): string | undefined {
  switch (flag.kind) {
    case "running":
      return undefined;
    case "variable":
      return `${where}: set to ${JSON.stringify(flag.value)}; whoever administers the repository can remove it`;
    case "unreadable":
      return `${where}: the flag cannot be read, which counts as stopped (${flag.detail})`;
    case "stopped": {
      const why = flag.record.why === null ? "" : `: ${flag.record.why}`;
      return `${where}: stopped by ${flag.record.by.id} at ${flag.record.at}${why}`;
    }
  }
}
