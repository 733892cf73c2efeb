import type { CommitSha } from "../../model/json.ts";
import type { Actor } from "../../model/ledger.ts";
import { forMarkdown } from "../../protect/sanitise.ts";
import type { MergedChange } from "./change-of-pull.ts";
import type { Conflict, RevertPlan } from "./plan.ts";

/** What the texts of a rollback are made of; everything that others wrote is made harmless here. */
export type RollbackFacts = {
  readonly pull: number;
  readonly target: string;
  readonly by: Actor;
  readonly why: string;
  readonly change: MergedChange;
  readonly now: CommitSha;
};
export type CleanPlan = Extract<RevertPlan, { readonly kind: "clean" }>;

/** First line of the commit and of the pull request. */
export function revertTitle({ pull, target }: Pick<RollbackFacts, "pull" | "target">): string {
  return `Revert #${pull} (${target})`;
}

/** Last line of the message of a commit that takes a change back: by it Whetstone knows its own. */
export function revertTrailer(changed: CommitSha): string {
  return `Whetstone-Reverts: ${changed}`;
}

/** What was proved, as Markdown: for the pull request, the check run and the comment. */
export function proofText({ change, now }: RollbackFacts, plan: CleanPlan): string {
  const { files, mergedFiles, uses, useCount, unsearched, digest } = plan;
  const removed = files.filter(({ bytes }) => bytes === null).length;
  return [
    `- Applies cleanly to ${now}: ${files.length} files, ${removed} of them removed; a three-way merge in memory, without git's renames.`,
    `- Files that were changed since on other lines: ${list(mergedFiles)}`,
    `- Later lines that use what goes away: ${useCount === 0 ? "none found" : `**${useCount}**`}`,
    ...uses.map(({ path, line, name }) => `  - ${word(path)} line ${line}: ${word(name)}`),
    ...(useCount > uses.length ? [`  - and ${useCount - uses.length} more`] : []),
    ...(unsearched === 0 ? [] : [`- **Not searched** for such lines: ${unsearched} files (binary, large or too many)`]),
    `- The change was merged by ${change.how}: ${change.before} to ${change.changed}. Result sha256 ${digest}`,
    "- The checks of the repository have yet to run on it.",
  ].join("\n");
}

/** Body of the pull request that takes a change back. */
export function revertBody(facts: RollbackFacts, plan: CleanPlan): string {
  const { pull, by, why, target } = facts;
  return [
    `Takes #${pull} back, a change of Whetstone to ${word(target)}. Asked for by ${word(by.id)}: ${word(why)}`,
    `## Proof\n\n${proofText(facts, plan)}`,
    "## Undo\n\nClose this pull request; the change then stays in force. Nothing merges without a person.",
  ].join("\n\n");
}

/** Whether people have to look before they merge it. */
export function needsCare({ useCount, unsearched }: CleanPlan): boolean {
  return useCount > 0 || unsearched > 0;
}

/** Why nothing was prepared, and what to do by hand. */
export function conflictText({ pull, change }: RollbackFacts, conflicts: readonly Conflict[]): string {
  const shown = conflicts.slice(0, 20).map(({ path, why }) => `- ${word(path)}: ${word(why)}`);
  const more = conflicts.length > 20 ? [`- and ${conflicts.length - 20} more`] : [];
  const command =
    change.how === "merge"
      ? `git revert -m 1 ${change.changed}`
      : change.how === "squash"
        ? `git revert ${change.changed}`
        : `git revert ${change.before}..${change.changed}`;
  return [
    `**#${pull} cannot be taken back without a person**: later changes stand in the way.`,
    [...shown, ...more].join("\n"),
    `By hand: \`${command}\`, solve the conflicts, and open a pull request.`,
  ].join("\n\n");
}

/** The issue that calls people. These names are meant to be notified: they are the repository's own configuration. */
export function pageIssue({ pull, target, by, why }: RollbackFacts, page: readonly string[], said: string) {
  const called = page.map((name) => `@${name}`).join(" ");
  const head = called === "" ? "Nobody is named in `app.rollback.page`." : `${called}: a person is needed.`;
  return {
    purpose: `rollback-${pull}`,
    title: `Rollback of #${pull} (${target}) needs a person`,
    body: `${head}\n\nAsked for by ${word(by.id)}: ${word(why)}\n\n${said}`,
    labels: ["whetstone"],
  };
}

function list(paths: readonly string[]): string {
  if (paths.length === 0) return "none";
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : "";
  return paths.slice(0, 10).map(word).join(", ") + more;
}

/** A foreign word or sentence: one line, at most 300 characters, harmless. */
function word(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return forMarkdown(line.length <= 300 ? line : `${line.slice(0, 299).toWellFormed()}…`);
}
