import type { StateView } from "../../github/state-port.ts";
import { REASON_CODES, type ReasonCode } from "../../model/codes.ts";
import type { DossierManifest, StageResult } from "../../model/dossier.ts";
import type { Outcome } from "../../model/outcome.ts";
import { readOutcomes } from "../../protect/outcomes.ts";
import type { Answer, AppCommand, CommandContext } from "../command.ts";
import { closingKey, recordClosed } from "../outcomes/closed.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { cell } from "../page-text.ts";
import { keepExplanation } from "./explanation.ts";
import { manifestOfDigest } from "./manifests.ts";
import { targetOf } from "./target.ts";

/**
 * `/whetstone explain`: why the last verdict was what it was, from what is on record. With words on a pull request it is
 * the other way round: people say why, and later sessions are told.
 */
export const explain: AppCommand = {
  word: "explain",
  summary:
    "says why the last verdict was what it was; with words on a pull request, keeps your reason for later sessions",
  on: "anything",
  parameters: [{ name: "target-or-why", kind: "text" }],
  run: async (context) => {
    const words = context.values["target-or-why"];
    const isTarget = words !== undefined && Object.hasOwn((await context.repository.config()).targets, words);
    if (context.place.isPull && words !== undefined && !isTarget) return await keep(context, words);
    return await why(context, words);
  },
};

async function keep(context: CommandContext, words: string): Promise<Answer> {
  const { repository, place, by } = context;
  const proposal = await proposalOfPull(repository, place.conversation);
  if (proposal === undefined) {
    return { state: "failed", body: "### Whetstone: explain\n\nThis is no proposal on record; nothing was kept." };
  }
  await keepExplanation(context, words);
  const { pull } = proposal;
  const isOver = pull.state === "closed" && !pull.merged;
  if (isOver) await recordClosed(context, proposal, { by, key: `${closingKey(pull)}-${place.comment}` });
  const said = isOver
    ? "Your words are on record with the end of this proposal; later sessions are told them."
    : "Your words are kept. When this pull request is closed without a merge, later sessions are told them.";
  return { state: "done", body: `### Whetstone: explain\n\n${said}` };
}

async function why(context: CommandContext, words: string | undefined): Promise<Answer> {
  const { repository, place } = context;
  const view = await repository.state.view();
  const proposal =
    place.isPull && words === undefined ? await proposalOfPull(repository, place.conversation) : undefined;
  const outcome =
    proposal?.outcome ?? (await latestOf(view, await targetOf({ ...context, values: { target: words } })));
  if (outcome === undefined) {
    return {
      state: "done",
      body: "### Whetstone: explain\n\nNo run of this target has ended yet, so there is no verdict.",
    };
  }
  const manifest = await manifestOfDigest(view, outcome.dossier);
  return { state: "done", body: explained(outcome, manifest).join("\n\n") };
}

async function latestOf(view: StateView, target: string): Promise<Outcome | undefined> {
  const all = await readOutcomes(view, target);
  return all.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
}

const SAYINGS: Readonly<Record<Outcome["status"], string>> = {
  no_change: "no change was proposed",
  rejected: "the change was rejected",
  inconclusive: "it could not be decided",
  proposed: "the change passed every stage and waits for people",
  closed: "people closed the proposal",
  merged: "people merged it",
  promoted: "it was promoted to all traffic",
  rolled_back: "it was taken back",
  held: "it held",
  faded: "its effect has faded",
};

function explained(outcome: Outcome, manifest: DossierManifest | undefined): readonly string[] {
  const { target, at, status, reasons, effects } = outcome;
  const measured = effects.map((effect) => `- ${cell(JSON.stringify(effect))}`);
  return [
    `### Whetstone: why, for ${cell(target)}`,
    `At ${cell(at)} **${SAYINGS[status]}**, because:`,
    reasons.map(reasonLine).join("\n"),
    ...(manifest === undefined ? ["The dossier of the run is not on record here."] : stagesSection(manifest)),
    ...(measured.length === 0 ? [] : [`Measured:\n${measured.join("\n")}`]),
  ];
}

function reasonLine(reason: ReasonCode): string {
  return `- \`${reason}\`: ${REASON_CODES[reason]}`;
}

/** Stages that an explanation names; the flow has fewer. */
const MOST_STAGES = 20;

function stagesSection({ id, stages }: DossierManifest): readonly string[] {
  const turning = stages.find(({ verdict }) => verdict !== "pass");
  const rest = stages.length > MOST_STAGES ? `\n(${MOST_STAGES} of ${stages.length} stages)` : "";
  const all = stages.slice(0, MOST_STAGES).map(stageLine).join("\n");
  const head =
    turning === undefined
      ? "Every stage passed."
      : `It turned at the stage **${cell(turning.stage)}**: ${cell(turning.summary)}`;
  return [head, `${all}${rest}`, `All of it is in dossier \`${cell(id)}\`; \`whetstone replay\` recomputes it.`];
}

function stageLine({ stage, verdict, summary }: StageResult): string {
  return `- ${cell(stage)}: ${cell(verdict)}. ${cell(summary)}`;
}
