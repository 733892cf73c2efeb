import type { Rule } from "../model/outcome.ts";
import { conflictOf } from "./conflicts.ts";

/** A rule's text as a session would have it. */
export type Wording = { readonly rule: string; readonly text: string };

/** What became of a wording: the rule with it, or why the rule keeps the words that its pattern gives it. */
export type Worded = { readonly ok: true; readonly rule: Rule } | { readonly ok: false; readonly why: string };

const LONGEST = 400;

/** What a rule may not hold, and why. Rules are read by a model that follows them, so what is not sure is refused. */
const FORBIDDEN: readonly (readonly [why: string, sign: RegExp])[] = [
  ["it states a number, and numbers come from the ledger alone", /\d|%|\b(?:percent|half|twice|most|majority)\b/i],
  [
    "it holds a link, markup or a command",
    /:\/\/|\bwww\.|[`<>{}[\]|\\$*#@]|--\w|^\s*[/!]|&&|\b(?:curl|wget|sudo|chmod|eval|npm|npx|pip|bash|sh) /i,
  ],
  [
    "it would weaken a check",
    /\b(?:skip|disabl|ignor|bypass|circumvent|weaken|relax|loosen|remov|delet|drop|suppress|silenc|turn(?:ing)? off|comment(?:ing)? out|mock|adjust|edit|chang|updat)\w*\b[^.]{0,60}\b(?:test|check|validation|assert|review|lint|guard|rule|approval|sandbox|canary|safety|hook|threshold|expectation|snapshot|workload)s?\w*/i,
  ],
  [
    "it would weaken a check",
    /\b(?:not|never|without|avoid|don't|stop|instead of)\b[^.]{0,40}\b(?:run|check|test|validat|assert|verif|review|fail)\w*|\b(?:fail|red)\w*\b[^.]{0,40}\b(?:pass|green|fine|accept|expected)\w*/i,
  ],
  [
    "it would widen what a session may do",
    /\b(?:permission|privilege|authori[sz]ation|credential|secret|token|password|api key|environment variable|network access|root access|outside (?:of )?the (?:source|scope)|any file)s?\b/i,
  ],
];

/**
 * A rule with the words of a session, if they may be its words: two sentences, nothing that weakens or widens, no number, nothing
 * that another rule says or said before it was retired, nor its opposite, nothing against what its own pattern says. Scope, evidence and
 * numbers stay as they were learned. Whoever calls has had the text sanitised. Pure.
 */
export function admitWording(
  rule: Rule,
  { text, session, existing }: Pick<Wording, "text"> & { readonly session: string; readonly existing: readonly Rule[] },
): Worded {
  const plain = text.replaceAll(/\s+/g, " ").trim();
  const refuse = (why: string): Worded => ({ ok: false, why });
  if (plain.length === 0 || plain.length > LONGEST)
    return refuse(`it has ${plain.length} characters, not 1 to ${LONGEST}`);
  if (plain.split(/[.!?](?:\s+|$)/).filter((part) => part !== "").length > 2)
    return refuse("it has more than two sentences");
  const [found] = FORBIDDEN.filter(([, sign]) => sign.test(plain));
  if (found !== undefined) return refuse(found[0]);
  const worded: Rule = { ...rule, text: plain, worded: { session, from: rule.worded?.from ?? rule.text } };
  const own = conflictOf({ ...worded, id: `${rule.id}-worded` }, { ...rule, text: worded.worded?.from ?? rule.text });
  if (own?.kind === "contradiction") return refuse(`it says the opposite of what its pattern shows (${own.detail})`);
  for (const other of existing) {
    const conflict = other.id === rule.id ? undefined : conflictOf(worded, other);
    if (conflict === undefined) continue;
    // What was retired comes back under no other name; its opposite may be tried.
    if (other.state !== "retired" || conflict.kind === "duplicate")
      return refuse(`${conflict.kind} of ${other.id} (${conflict.detail})`);
  }
  return { ok: true, rule: worded };
}
