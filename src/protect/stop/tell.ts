import type { Actor } from "../../model/ledger.ts";
import { forMarkdown } from "../sanitise.ts";
import type { Resumed } from "./resume.ts";
import type { Sweep } from "./sweep.ts";

/** Purpose of the issue that tells of a stop; there is one while it lasts. */
export const STOP_ISSUE = "stop";

/** What an issue or comment about a stop is made of. */
export type StopNews = { readonly by: Actor; readonly why: string | null; readonly done: Sweep };

/** The issue that tells of a stop. */
export function stopIssue({ by, why, done }: StopNews) {
  const reason = why === null ? "no reason was given" : forMarkdown(oneLine(why));
  return {
    purpose: STOP_ISSUE,
    title: "Whetstone is stopped",
    body: `Stopped by ${forMarkdown(by.id)}: ${reason}.\n\n${stoppedText(done)}`,
    labels: ["whetstone"],
  };
}

/** What a stop did, as Markdown: also what it could not do. */
export function stoppedText({ flagged, off, ending, failures }: Sweep): string {
  const head = flagged
    ? "**Stopped.** Every job and every write of Whetstone looks at the flag on `whetstone/state` first, and ends."
    : "**The flag could not be set**: what runs elsewhere goes on until that succeeds.";
  return [
    head,
    `- Workflows switched off: ${list(off)}`,
    `- Runs that were asked to end and have not ended yet: ${ending.length === 0 ? "none" : ending.length}`,
    ...failures.map(({ what, detail }) => `- **Failed**: ${forMarkdown(oneLine(`${what}: ${detail}`))}`),
    "",
    ...(failures.length === 0 ? [] : ["What failed is tried again every minute; stopping again does so at once.", ""]),
    "To go on, an administrator writes the command resume; exactly these workflows are then switched on again.",
  ].join("\n");
}

/** What the end of a stop did, as Markdown. */
export function resumedText({ lifted, stoppedAgain, on, failures }: Resumed): string {
  if (stoppedAgain) return "**Stopped again** in the meantime, so nothing goes on; what was switched on is off again.";
  const head = lifted ? "**Running again.**" : "Nothing was stopped.";
  return [
    head,
    ...(lifted || on.length > 0 ? [`- Workflows switched on again: ${list(on)}`] : []),
    ...failures.map(({ what, detail }) => `- **Failed**: ${forMarkdown(oneLine(`${what}: ${detail}`))}`),
    ...(failures.length === 0 ? [] : ["", "Resuming again completes it; no further permission is needed for that."]),
  ].join("\n");
}

function list(files: readonly string[]): string {
  return files.length === 0 ? "none" : files.map((file) => forMarkdown(file)).join(", ");
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
}
