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

/** One of the two places of the flag. What cannot be read counts as a stop. */
export type StopFlag =
  | { readonly kind: "running" }
  | { readonly kind: "stopped"; readonly record: StopRecord }
  | { readonly kind: "unreadable"; readonly detail: string };

/** Both places of the flag. */
export type StopState = { readonly local: StopFlag; readonly state: StopFlag };

/** Whether a state lets things go on: only when both flags are read and absent. */
export function isRunning({ local, state }: StopState): boolean {
  return local.kind === "running" && state.kind === "running";
}

/** Who stopped and why, in one line for people; undefined while all is running. */
export function describeStop({ local, state }: StopState): string | undefined {
  const lines = [describeFlag("this machine", local), describeFlag("branch whetstone/state", state)];
  const said = lines.filter((line) => line !== undefined);
  return said.length === 0 ? undefined : said.join("; ");
}

function describeFlag(where: string, flag: StopFlag): string | undefined {
  switch (flag.kind) {
    case "running":
      return undefined;
    case "unreadable":
      return `${where}: the flag cannot be read, which counts as stopped (${flag.detail})`;
    case "stopped": {
      const why = flag.record.why === null ? "" : `: ${flag.record.why}`;
      return `${where}: stopped by ${flag.record.by.id} at ${flag.record.at}${why}`;
    }
  }
}
