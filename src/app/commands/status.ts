import { DossierManifest } from "../../model/dossier.ts";
import { Outcome } from "../../model/outcome.ts";
import { describeStop } from "../../model/stop.ts";
import { formatInstant } from "../../model/time.ts";
import { approvalLine } from "../approval/approval-text.ts";
import { approvalOf } from "../approval/approval.ts";
import { waitingIn } from "../approval/waiting.ts";
import type { AppCommand, CommandContext } from "../command.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { cell, markdownTable } from "../page-text.ts";
import { MANIFESTS, type Newest, newest } from "./manifests.ts";
import { targetOf } from "./target.ts";

const OUTCOMES = /^outcomes\/[^/]+\.json$/;
/** Outcomes that a status shows; each costs one request. */
const SHOWN_OUTCOMES = 5;
/** Stages of a run that a status shows; the flow has fewer. */
const SHOWN_STAGES = 20;

/**
 * `/whetstone status`: whether everything is stopped, how the pull request that it stands on stands, what waits for a
 * permission, the newest outcomes and the newest run.
 */
export const status: AppCommand = {
  word: "status",
  summary: "how it stands: stop, this pull request, what waits, newest outcomes and newest run",
  on: "anything",
  parameters: [{ name: "target", kind: "word" }],
  run: async (context) => {
    const { repository, clock, values } = context;
    const target = values["target"] === undefined ? undefined : await targetOf(context);
    const view = await repository.state.view();
    const fits = (record: { readonly target: string }) => target === undefined || record.target === target;
    const outcomes = await newest(view, { path: OUTCOMES, schema: Outcome, limit: SHOWN_OUTCOMES, fits });
    const runs = await newest(view, { path: MANIFESTS, schema: DossierManifest, limit: 1, fits });
    const unreadable = [...outcomes.unreadable, ...runs.unreadable];
    const body = [
      "### Whetstone status",
      `As of ${formatInstant(clock.now())}, ${view.head === undefined ? "nothing is recorded yet" : `state \`${view.head.slice(0, 7)}\``}.`,
      ...(await stopSection(context)),
      ...(await pullSection(context)),
      ...(await waitingSection(context)),
      ...outcomeSection(outcomes),
      ...runs.records.map(runSection),
      ...unreadable.map((path) => `⚠️ Cannot be read as a record: ${cell(path)}. Restore it from an earlier commit.`),
    ].join("\n\n");
    return { state: unreadable.length === 0 ? "done" : "failed", body };
  },
};

async function stopSection({ repository }: CommandContext): Promise<readonly string[]> {
  const stop = await repository.killSwitch.look();
  const said = describeStop(stop);
  if (said === undefined) return [];
  return [`🛑 **Everything is stopped**: ${cell(said)}. An admin can write \`/whetstone resume\`.`];
}

async function pullSection({ repository, place }: CommandContext): Promise<readonly string[]> {
  if (!place.isPull) return [];
  const proposal = await proposalOfPull(repository, place.conversation);
  if (proposal === undefined) return ["This pull request is no proposal on record."];
  const approval = await approvalOf(repository, place.conversation);
  const { status: outcome } = proposal.outcome;
  return [`This proposal for ${cell(proposal.target)}: ${outcome.replaceAll("_", " ")}; ${approvalLine(approval)}.`];
}

async function waitingSection({ repository, place }: CommandContext): Promise<readonly string[]> {
  const all = await waitingIn(repository.desk, place.conversation);
  const pending = all.filter(({ standing }) => standing === "pending");
  if (pending.length === 0) return [];
  const ids = pending.map(({ found: { request } }) => `\`${request.id}\` (${request.operation})`);
  return [`Waits for the permission of another person: ${ids.join(", ")}.`];
}

function outcomeSection({ records, total }: Newest<Outcome>): readonly string[] {
  if (total === 0) return ["No outcome is recorded. A run that ends records one: `whetstone loop`."];
  const rows = records.map((outcome) => [
    cell(outcome.at),
    cell(outcome.target),
    outcome.status,
    outcome.reasons.join(", "),
    cell(outcome.proposal),
  ]);
  return [
    `**Outcomes**, newest first: ${records.length} of ${total}; all are in the folder \`outcomes/\` of the branch.`,
    markdownTable(["when", "target", "status", "reasons", "proposal"], rows),
  ];
}

function runSection(manifest: DossierManifest): string {
  const stages = manifest.stages.slice(0, SHOWN_STAGES);
  const rows = stages.map((stage) => [
    cell(stage.stage),
    cell(stage.verdict),
    stage.reasons.join(", "),
    cell(stage.summary),
  ]);
  const count =
    stages.length === manifest.stages.length ? "" : `, ${stages.length} of ${manifest.stages.length} stages`;
  return [
    `**Newest run** ${cell(manifest.run)} on ${cell(manifest.target)}: ${cell(manifest.verdict)}${count}, dossier ${cell(manifest.id)}`,
    markdownTable(["stage", "verdict", "reasons", "summary"], rows),
  ].join("\n\n");
}
