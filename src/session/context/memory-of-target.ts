import { byStrength } from "../../learn/strength.ts";
import type { FindingKind } from "../../model/finding.ts";
import { canonicalJson } from "../../model/json.ts";
import type { Outcome, Rule } from "../../model/outcome.ts";
import type { SessionRecord } from "../../model/proposal.ts";
import { parseInstant } from "../../model/time.ts";
import { forModel } from "../../protect/sanitise.ts";
import { dataLine } from "../../protect/data-line.ts";
import type { Entry } from "./fit.ts";

/** What an earlier session on the target left for later ones. */
export type EarlierSession = Pick<SessionRecord, "id" | "mode" | "recordedAt" | "summary" | "partial">;

/** A summary is text of a model; more of it is cut, and the cut says so. */
const LONGEST_SUMMARY = 2_000;
const LONGEST_RULE = 400;

/** Rules as a session is told them, strongest first. */
export function ruleEntries(rules: readonly Rule[]): readonly Entry[] {
  return rules.toSorted(byStrength).map((rule) => ({ id: rule.id, text: ruleLine(rule) }));
}

/** The line of a rule in a context. */
export function ruleLine({ text }: Pick<Rule, "text">): string {
  return `- ${oneLine(text)}`;
}

/** Outcomes of proposals for the same kinds of findings, newest first. */
export function outcomeEntries(outcomes: readonly Outcome[], kinds: ReadonlySet<FindingKind>): readonly Entry[] {
  return outcomes
    .filter(({ findings }) => findings.some((kind) => kinds.has(kind)))
    .toSorted((a, b) => newestFirst(a.at, b.at) || byText(a, b))
    .map(({ id, at, status, reasons, findings, paths, effects, note }) => ({
      id,
      text: dataLine({
        part: "outcome",
        id,
        at,
        status,
        reasons,
        findings,
        paths,
        effects,
        ...(note === undefined ? {} : { note }),
      }),
    }));
}

/** What earlier sessions on the target said: the one that is continued, then the newest first. */
export function summaryEntries(sessions: readonly EarlierSession[], continues?: string): readonly Entry[] {
  const continued = ({ id }: EarlierSession): number => (id === continues ? 1 : 0);
  return sessions
    .filter(({ summary }) => summary.trim() !== "")
    .toSorted((a, b) => continued(b) - continued(a) || newestFirst(a.recordedAt, b.recordedAt) || byText(a, b))
    .map(({ id, mode, recordedAt, summary, partial }) => ({
      id,
      text: dataLine({ part: "session", id, mode, recordedAt, partial, summary }, LONGEST_SUMMARY),
    }));
}

function newestFirst(a: string, b: string): number {
  const [one, other] = [parseInstant(a, 0n), parseInstant(b, 0n)];
  return one < other ? 1 : one > other ? -1 : 0;
}

function byText(a: unknown, b: unknown): number {
  const [one, other] = [canonicalJson(a), canonicalJson(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function oneLine(text: string): string {
  return forModel(text.replaceAll(/\s+/g, " ").trim(), { maxLength: LONGEST_RULE });
}
