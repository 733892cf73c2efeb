import type { Annotation, CheckAction, CheckReport, Written } from "../../github/host-port.ts";
import type { CommitSha } from "../../model/json.ts";
import type { RepositoryAccess } from "../repository.ts";

/** Stages of a proposal that have a check run each, in order. */
export const STAGES = ["analysis", "validation", "review", "canary", "held"] as const;
export type StageName = (typeof STAGES)[number];

/** How a stage stands: under way, or one of GitHub's ends. */
export type StageState = "queued" | "in_progress" | CheckReport["conclusion"];

/** Buttons that a stage may offer; a press arrives with this identifier. */
export const BUTTONS = {
  "approve-refinement": { label: "Approve refinement", description: "Let a session work on these findings" },
  "start-canary": { label: "Start canary", description: "Deploy this commit to a canary" },
  "roll-back": { label: "Roll back", description: "Prepare a change that takes this back" },
} as const satisfies Readonly<Record<string, Omit<CheckAction, "identifier">>>;
export type ButtonName = keyof typeof BUTTONS;

/** A stage as people are to see it. Texts are Markdown whose foreign parts have passed the sanitiser. */
export type StageView = {
  readonly sha: CommitSha;
  readonly stage: StageName;
  /** What it is the stage of, such as `pull/12`, `run/4711` or `group/12` (of a merge queue); the same one is updated. */
  readonly about: string;
  readonly state: StageState;
  readonly title: string;
  readonly summary: string;
  readonly text?: string | undefined;
  readonly url?: string | undefined;
  readonly annotations?: readonly Annotation[];
  /** At most 3. */
  readonly buttons?: readonly ButtonName[];
};

/** The name of a stage's check run, as branch protection knows it. */
export function stageCheckName(stage: StageName): string {
  return `Whetstone ${stage}`;
}

/** What a check run is of, by its external id; undefined for one that is none of a stage. */
export function parseStageCheck(externalId: string): { readonly stage: StageName; readonly about: string } | undefined {
  const [, name, about] = /^whetstone:([a-z]+):((?:pull|run)\/[1-9]\d{0,15}|group\/\d{1,16})$/.exec(externalId) ?? [];
  const stage = STAGES.find((known) => known === name);
  return stage === undefined || about === undefined ? undefined : { stage, about };
}

function externalIdOf({ stage, about }: Pick<StageView, "stage" | "about">): string {
  return `whetstone:${stage}:${about}`;
}

/** Shows a stage as its check run: made once for a commit, updated in place, reopened when it goes on. */
export function showStage({ host }: Pick<RepositoryAccess, "host">, view: StageView): Promise<Written> {
  const { stage, sha, title, summary, text, url, annotations = [], buttons = [] } = view;
  const actions = buttons.map((identifier) => ({ ...BUTTONS[identifier], identifier }));
  const about = { name: stageCheckName(stage), sha, externalId: externalIdOf(view), url };
  const check = { ...about, title: title.slice(0, LONGEST_TITLE), summary, text, annotations, actions };
  const { state } = view;
  return host.checks.report(
    state === "queued" || state === "in_progress" ? { ...check, status: state } : { ...check, conclusion: state },
  );
}

/** Characters of a title that fit into the list of checks. */
const LONGEST_TITLE = 255;
