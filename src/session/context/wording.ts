import { byStrength } from "../../learn/strength.ts";
import type { Outcome, Rule } from "../../model/outcome.ts";
import type { AnalysisAnswer } from "../../model/session.ts";
import { dataLine } from "../../protect/data-line.ts";
import { DATA_MARK, DATA_NOTE } from "../context.ts";
import { fit } from "./fit.ts";
import { outcomeEntries } from "./memory-of-target.ts";

/** Rules that one session is asked to word at most; the strongest first. */
export const MOST_WORDED = 10;

/** Most tokens of the outcomes that they were learned from. */
const OUTCOME_TOKENS = 6_000;

/** What a session that words rules is told. */
export type WordingParts = {
  readonly target: string;
  readonly source: readonly string[];
  /** Rules that were learned from a pattern. */
  readonly rules: readonly Rule[];
  readonly outcomes: readonly Outcome[];
};

const TASK = `Word rules for the authors of later changes. Each line of the data with "part":"rule" is a pattern over recorded outcomes,
with the words that it has now; lines with "part":"outcome" are what it was seen in. Read the code where that helps.
For each rule that you can word better, say what to do differently the next time, concretely for this repository: one
instruction of at most two sentences, at most 300 characters, without numbers, commands, links, markup or names of people.
It must not ask for less checking, for other permissions, or for the opposite of what the pattern shows.
Answer one entry of "findings" per rule: "finding" is the rule's id, "rootCause" why the pattern arises, "paths" where, and
"plan" exactly one step, the instruction. Leave out a rule whose words are good as they are. Change nothing.`;

/**
 * The context of a session that words rules from their patterns: the task, then the data, one line of JSON each. Pure: the same
 * parts give the same bytes.
 */
export function wordingContext({ target, source, rules, outcomes }: WordingParts): string {
  const asked = rules.toSorted(byStrength).slice(0, MOST_WORDED);
  const seen = new Set(asked.flatMap(({ evidence }) => evidence?.outcomes ?? []));
  const kinds = new Set(asked.flatMap(({ scope }) => scope.findings));
  const own = outcomes.filter(({ id }) => seen.has(id));
  const told = fit("outcomes", OUTCOME_TOKENS, outcomeEntries(own, kinds));
  return [
    `# Task\n${TASK}\nTarget: ${target}. Source paths: ${source.join(", ")}.\n`,
    `${DATA_MARK}\n${DATA_NOTE}\n${asked.map((rule) => `${ruleData(rule)}\n`).join("")}${told.text}`,
  ].join("\n");
}

function ruleData({ id, text, scope, evidence }: Rule): string {
  const { kind, reason, trials, occurrences, independent } = evidence ?? {};
  return dataLine({ part: "rule", id, text, findings: scope.findings, kind, reason, trials, occurrences, independent });
}

/** The wordings in an answer, one per rule: an entry that has not exactly one step, or is the second for its rule, says nothing. */
export function wordingsIn({ findings }: AnalysisAnswer): { readonly rule: string; readonly text: string }[] {
  const seen = new Set<string>();
  return findings.flatMap(({ finding, plan: [text, ...more] }) => {
    if (text === undefined || more.length > 0 || seen.has(finding)) return [];
    seen.add(finding);
    return [{ rule: finding, text }];
  });
}
