import type { Rule } from "../model/outcome.ts";

/** Two rules of which only one may be in force. */
export type Conflict = {
  readonly kind: "duplicate" | "contradiction";
  /** Their ids, in order. */
  readonly rules: readonly [string, string];
  readonly detail: string;
};

/** Share of words in common from which two texts say the same. */
const SAME = 0.8;
/** Share of words in common, negations aside, from which a rule and a forbidding one are about the same. */
const ABOUT_THE_SAME = 0.5;

const NEGATIONS = new Set(
  (
    "not never no avoid without don't dont neither nor refrain stop forbid forbidden forbids refuse refuses cannot can't cant " +
    "mustn't mustnt needn't neednt shouldn't shouldnt"
  ).split(" "),
);

/** Ways to say a thing in several words, by the word that the table of opposites has for it. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:one after (?:the other|another)|one at a time|in sequence|in turn|serially)\b/g, "sequential"],
  [/\b(?:at the same time|side by side|simultaneously)\b/g, "parallel"],
  [/\b(?:one by one|by itself|on its own)\b/g, "individually"],
];

/** Forms that no ending tells. */
const IRREGULAR = new Map(
  "kept keep|held hold|sent send|made make|written write|wrote write|taken take|took take|caught catch|built build"
    .split("|")
    .map((pair): [string, string] => [pair.split(" ")[0] ?? "", pair.split(" ")[1] ?? ""]),
);

/** Words that turn a rule into its opposite when one stands in each. */
const OPPOSITES = (
  [
    ["parallel", "sequential"],
    ["together", "separately"],
    ["concurrently", "sequentially"],
    ["batch", "individually"],
    ["once", "repeatedly"],
    ["increase", "decrease"],
    ["more", "less"],
    ["add", "remove"],
    ["enable", "disable"],
    ["before", "after"],
    ["eager", "lazy"],
  ] as const
).map(([x, y]) => [stem(x), stem(y)] as const);

/** Words that carry no advice. */
const FILLERS = new Set(
  (
    "the a an of to and or in on for it its their is are be that this with by as at from each one single when where than do " +
    "does must should always all any every need needs"
  ).split(" "),
);

/**
 * Pairs of rules that would be seen together (same target, a kind of finding in common) and say the same, or the
 * opposite. Words are compared, not meanings: it finds copies and plain reversals, and is silent about the rest.
 * Retired rules conflict with nothing. In order of their ids.
 */
export function findConflicts(rules: readonly Rule[]): Conflict[] {
  const living = rules.filter(({ state }) => state !== "retired").toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return living.flatMap((a, i) => living.slice(i + 1).flatMap((b) => conflictOf(a, b) ?? []));
}

/** What keeps two rules from being in force together. */
export function conflictOf(a: Rule, b: Rule): Conflict | undefined {
  if (a.id === b.id || !meet(a, b)) return undefined;
  const [one, other] = [wordsOf(a.text), wordsOf(b.text)];
  const rules = [a.id, b.id].toSorted((x, y) => (x < y ? -1 : 1)) as [string, string];
  if (isNegated(a.text) !== isNegated(b.text) && likeness(one, other) >= ABOUT_THE_SAME) {
    return { kind: "contradiction", rules, detail: "one forbids what the other asks for" };
  }
  const opposite = OPPOSITES.find(([x, y]) => (one.has(x) && other.has(y)) || (one.has(y) && other.has(x)));
  if (opposite !== undefined && likeness(one, other, new Set(opposite)) >= ABOUT_THE_SAME) {
    return { kind: "contradiction", rules, detail: `"${opposite[0]}" against "${opposite[1]}"` };
  }
  const alike = likeness(one, other);
  if (alike < SAME) return undefined;
  return { kind: "duplicate", rules, detail: `${Math.round(100 * alike)} % of their words are the same` };
}

/** Whether one session may see both. */
function meet(a: Rule, b: Rule): boolean {
  const tools = (rule: Rule): readonly string[] | undefined => rule.scope.tools;
  const [own, others] = [tools(a), tools(b)];
  const sameTool = own === undefined || others === undefined || own.some((tool) => others.includes(tool));
  const sameFinding = a.scope.findings.some((kind) => b.scope.findings.includes(kind));
  return a.scope.target === b.scope.target && sameFinding && sameTool;
}

/** Jaccard's index of two sets of words. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>, without: ReadonlySet<string> = new Set()): number {
  const [one, other] = [a, b].map((words) => [...words].filter((word) => !without.has(word)));
  const shared = (one ?? []).filter((word) => b.has(word)).length;
  const all = (one?.length ?? 0) + (other?.length ?? 0) - shared;
  return all === 0 ? 0 : shared / all;
}

function wordsOf(text: string): Set<string> {
  const plain = PHRASES.reduce(
    (all, [phrase, word]) => all.replaceAll(phrase, word),
    text.normalize("NFKC").toLowerCase(),
  );
  const words = plain.replaceAll("’", "'").match(/[\p{L}\p{N}_']+/gu) ?? [];
  return new Set(words.filter((word) => !FILLERS.has(word) && !NEGATIONS.has(word)).map(stem));
}

/** Plurals and verb endings, roughly: enough that "reads", "reading" and "read" are one word. */
function stem(word: string): string {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return stem(irregular);
  const singular = word.replace(/(?<=..)s$/, "");
  return singular.replace(/(?<=...)(?:ing|ed)$/, "").replace(/(?<=...)e$/, "");
}

/** Whether the first sentence forbids: what follows it says why. */
function isNegated(text: string): boolean {
  const [first = ""] = text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("’", "'")
    .split(/(?<=[.!?])\s/);
  return (first.match(/[\p{L}']+/gu) ?? []).some((word) => NEGATIONS.has(word));
}
