import type { ReasonCode } from "../model/codes.ts";
import type { Outcome } from "../model/outcome.ts";

/** Labels by which a person says why a proposal is closed, with what its author is to heed next time. */
export const CLOSING_LABELS = {
  "whetstone: wrong result": "replay_result_changed",
  "whetstone: breaks callers": "replay_new_error",
  "whetstone: checks fail": "check_failed",
  "whetstone: too large": "size_exceeded",
  "whetstone: wrong place": "path_forbidden",
  "whetstone: no gain": "hypothesis_not_met",
  "whetstone: slower": "latency_increased",
  "whetstone: unsafe": "errors_increased",
  "whetstone: other approach": "fingerprint_rejected",
  "whetstone: secret": "secret_found",
} as const satisfies Record<string, ReasonCode>;

/** Words that say the same in a sentence. What follows a negation is not looked at: `not too large` says nothing. */
const WORDS: readonly (readonly [ReasonCode, RegExp])[] = [
  ["secret_found", /\b(?:secrets?|passwords?|credentials?|api keys?)\b/],
  ["check_failed", /\b(?:tests?|checks?|ci|build|lint) (?:is |are |was |were )?(?:red|fail\w*|broken?|breaks?)\b/],
  [
    "replay_result_changed",
    /\b(?:wrong|different|other|changed?s?|alters?|loses?) (?:the )?(?:results?|answers?|outputs?|order|fields?)\b/,
  ],
  ["replay_new_error", /\b(?:breaks?|broke) (?:the )?(?:callers?|clients?|users?|api|compatibility)\b/],
  ["size_exceeded", /\b(?:too (?:large|big|long|much|many)|over-?engineered|overkill|unrelated changes?)\b/],
  [
    "path_forbidden",
    /\b(?:wrong (?:place|file|layer|module)|does not belong|do(?: not|n't) touch|hands off|generated (?:file|code))\b/,
  ],
  ["latency_increased", /\b(?:slower|slows?|adds? latency)\b/],
  ["errors_increased", /\b(?:race|races|racy|unsafe|deadlocks?|leaks?|concurren\w+|shared state)\b/],
  [
    "hypothesis_not_met",
    /\b(?:no (?:gain|effect|benefit|improvement)|not worth|does not help|doesn't help|not the (?:cause|bottleneck))\b/,
  ],
  ["fingerprint_rejected", /\b(?:(?:other|another|wrong|different) (?:approach|way|solution|fix)|instead)\b/],
];

/** Most characters of a person's words that are kept. */
const LONGEST_NOTE = 500;

/** How a person closed a proposal. */
export type Closing = {
  /** Labels of the pull request, in any order and case. */
  readonly labels: readonly string[];
  /** What they wrote after `/whetstone explain`, or as they closed it. */
  readonly text?: string | undefined;
};

/** What an outcome says of it: spread it over the proposal's latest outcome, with an id and a time of its own. */
export type ClosingNote = Pick<Outcome, "reasons"> & { readonly status: "closed"; readonly note?: string };

/**
 * What closing a proposal teaches. A reason label says it exactly; without one the words are searched for what such labels
 * mean, and for one of the proposal's files being called off limits. What cannot be told from either is
 * `decided_by_person`: nothing is learned from it, but later sessions are told the note as data. The text is a person's: whoever
 * shows it to a model or on a page sanitises it.
 */
export function closingNote({ labels, text = "" }: Closing, { paths }: Pick<Outcome, "paths">): ClosingNote {
  const names = new Map<string, ReasonCode>(Object.entries(CLOSING_LABELS));
  const labelled = labels.flatMap((label) => names.get(label.trim().toLowerCase().replace(/:\s*/, ": ")) ?? []);
  const plain = text.replaceAll(/\s+/g, " ").trim();
  const found = labelled.length > 0 ? labelled : reasonsIn(plain, paths);
  const reasons = [...new Set(found)].toSorted();
  const note = plain.length > LONGEST_NOTE ? `${plain.slice(0, LONGEST_NOTE - 1).toWellFormed()}…` : plain;
  return {
    status: "closed",
    reasons: reasons.length > 0 ? reasons : ["decided_by_person"],
    ...(note === "" ? {} : { note }),
  };
}

function reasonsIn(text: string, paths: readonly string[]): ReasonCode[] {
  const clauses = text.toLowerCase().split(/[;!?]|\.(?=\s|$)|, but\b/);
  return clauses.flatMap((clause) => {
    const said = clause.replaceAll(
      /\b(?:not|isn't|aren't|never|no longer|without) (?:too |slower|racy|unsafe|a race)\S*(?: \w+)?/g,
      " ",
    );
    const named =
      /\b(?:not|never|leave|avoid|don't|hands off)\b/.test(said) &&
      paths.some((path) => said.includes(path.toLowerCase()));
    const matched = WORDS.flatMap(([reason, words]): ReasonCode[] => (words.test(said) ? [reason] : []));
    return named ? [...matched, "path_forbidden"] : matched;
  });
}
