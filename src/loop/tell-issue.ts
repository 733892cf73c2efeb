import type { LoopReport } from "../flow.ts";
import type { Notes } from "../github/host-port.ts";
import { forMarkdown } from "../protect/sanitise.ts";
import { exitCodeOf } from "./execute.ts";

/** What is told of a run that ended badly. */
export type Told = {
  readonly target: string;
  /** Page of the workflow run. */
  readonly url: string;
  readonly report: Pick<LoopReport, "status" | "reasons" | "stages">;
};

const LABELS = ["whetstone"];

/**
 * Keeps one issue per target: open, and about the last run, while the last run ended badly; closed by a run that ended
 * well. Errors: `api_failed`.
 */
export async function tellIssue(
  notes: Pick<Notes, "issue" | "closeIssue">,
  told: Told,
): Promise<"opened" | "updated" | "kept" | "closed" | "none"> {
  const purpose = `loop-${told.target}`;
  if (exitCodeOf(told.report.status) === 0) return (await notes.closeIssue(purpose)) ? "closed" : "none";
  const title = `Whetstone: the loop on ${line(told.target)} ended ${told.report.status.replaceAll("_", " ")}`;
  const { action } = await notes.issue({ purpose, title, body: bodyOf(told), labels: LABELS });
  return action === "created" ? "opened" : action;
}

/** What happened, stage by stage, and what to do; everything foreign is made harmless. */
function bodyOf({ url, report: { status, reasons, stages } }: Told): string {
  const last = stages.findLast(({ verdict }) => verdict !== "pass");
  const rows = stages.map(({ stage, verdict, summary }) => `| ${stage} | ${verdict} | ${line(summary)} |`);
  return [
    `The last run ended **${status.replaceAll("_", " ")}** (${reasons.join(", ")})${last ? ` at \`${last.stage}\`` : ""}.`,
    ["| stage | verdict | what was found |", "|---|---|---|", ...rows].join("\n"),
    `Run: ${url}`,
    "This issue is kept up to date and closes itself when a run ends well.",
  ].join("\n\n");
}

/** Foreign text as part of one line of Markdown that sends nothing out. */
function line(text: string): string {
  return forMarkdown(text.replaceAll(/\s+/g, " ").trim().slice(0, 500));
}
