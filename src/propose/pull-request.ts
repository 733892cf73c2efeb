import { WhetstoneError } from "../model/error.ts";
import { PullRequestFacts } from "./facts.ts";
import { describeFinding, describeStage, effectTable, formatNumber, oneLine, quote } from "./report.ts";

/** Title and body of a pull request. */
export type PullRequestText = { readonly title: string; readonly body: string };

/** Most characters of a title and of a body on GitHub. */
const LONGEST_TITLE = 256;
const LONGEST_BODY = 65_536;

const FACTS = /^<!-- whetstone:facts (\{[ -~]*\}) -->$/m;

/**
 * Renders the facts: what hurts, what changes, before and after, validation, risk, how to undo it, where it comes from;
 * the facts themselves as one hidden line. When that is longer than GitHub takes, lists are shortened, which is said.
 * @throws WhetstoneError `write_failed` when the shortest form is still too long
 */
export function formatPullRequest(facts: PullRequestFacts): PullRequestText {
  for (const most of [Infinity, 10, 5, 2, 1]) {
    const text = render(shorten(facts, most));
    if (text.body.length <= LONGEST_BODY) return text;
  }
  throw new WhetstoneError("write_failed", "The pull request's text is longer than GitHub takes.", {
    remedy: "Propose a smaller change, or one with shorter names.",
    data: { target: facts.target, fingerprint: facts.fingerprint },
  });
}

/** What a text says, and whether somebody changed it since it was rendered. */
export type ParsedPullRequest = { readonly facts: PullRequestFacts; readonly edited: boolean };

/** Inverse of {@link formatPullRequest}; undefined for a text that Whetstone did not write. */
export function parsePullRequest({ title, body }: PullRequestText): ParsedPullRequest | undefined {
  // Editing on the page brings line breaks of Windows.
  const plain = body.replaceAll("\r\n", "\n");
  const json = FACTS.exec(plain)?.[1];
  const parsed = PullRequestFacts.safeParse(json === undefined ? undefined : parseJson(json));
  if (!parsed.success) return undefined;
  const again = render(parsed.data);
  return { facts: parsed.data, edited: again.title !== title || again.body.trimEnd() !== plain.trimEnd() };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it: the text is not ours
  }
}

function shorten(facts: PullRequestFacts, most: number): PullRequestFacts {
  const { findings, effects, files, rules, omitted } = facts;
  const beyond = (list: readonly unknown[]) => Math.max(0, list.length - most);
  return {
    ...facts,
    rationale: most === Infinity ? facts.rationale : facts.rationale.slice(0, 200 * most),
    findings: findings.slice(0, most),
    effects: effects.slice(0, most),
    files: files.slice(0, most),
    rules: rules.slice(0, most),
    omitted: {
      findings: omitted.findings + beyond(findings),
      effects: omitted.effects + beyond(effects),
      files: omitted.files + beyond(files),
      rules: omitted.rules + beyond(rules),
    },
  };
}

function render(facts: PullRequestFacts): PullRequestText {
  const { hypothesis, session, dossier, links, risk, omitted } = facts;
  const sections = [
    summary(facts),
    `## What hurts\n\n${facts.findings.map(describeFinding).join("\n") || "No finding of the named kinds was measured in this run."}${more(omitted.findings, "findings")}`,
    `## What changes\n\n${quote(facts.rationale)}\n\nWritten by: ${oneLine(session.model)}. Hypothesis: ${hypothesis.metric} of ` +
      `${oneLine(hypothesis.operation)} will ${hypothesis.direction} by about ${percent(Math.abs(hypothesis.expectedChange))}.\n\n` +
      `${facts.files.map(describeFile).join("\n")}${more(omitted.files, "files")}`,
    `## Before and after, on the same recorded calls\n\n${effectTable(facts.effects)}${more(omitted.effects, "rows")}`,
    `## Validation\n\n${facts.stages.map(describeStage).join("\n")}`,
    `## Risk: ${risk.level}\n\n${risk.because.map((why) => `- ${oneLine(why)}`).join("\n")}`,
    "## Undo\n\nBefore the merge: close this pull request. After it: revert the merge commit; nothing but the files above is touched.",
    `## Where it comes from\n\n${origin(facts)}\n\n[Run](${links.run}) · [everything in full](${links.artifact}) · recompute every verdict: ` +
      `\`whetstone replay ${codeWord(dossier.id)}\`, sha256 ${dossier.digest}`,
    `<!-- whetstone:facts ${hiddenJson(facts)} -->`,
  ];
  return { title: titleOf(facts), body: `${sections.join("\n\n")}\n` };
}

/** `<target>: <title>`, one line, cut where what made it harmless made it too long. */
function titleOf({ target, title }: PullRequestFacts): string {
  const line = oneLine(`${target}: ${title}`);
  return line.length <= LONGEST_TITLE ? line : `${line.slice(0, LONGEST_TITLE - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The change in one sentence: what was measured for the operation that the hypothesis is about. */
function summary({ effects, hypothesis, stages }: PullRequestFacts): string {
  const passed = stages.filter(({ verdict }) => verdict === "pass").length;
  const checks = `${passed} of ${stages.length} validation stages passed`;
  const effect = effects.find(
    ({ operation, metric }) => operation === hypothesis.operation && metric === hypothesis.metric,
  );
  if (effect === undefined) return `**${checks}.** Nothing merges without a person.`;
  const { before, after, metric, operation, samples } = effect;
  const unit = metric === "error_rate" ? "" : " ms";
  const measured = `${metric} of ${oneLine(operation)}: ${formatNumber(before)}${unit} → ${formatNumber(after)}${unit} on ${samples} replayed calls`;
  return `**${measured}; ${checks}.** Nothing merges without a person.`;
}

function origin({ session, rules, omitted, patchDigest, baseSha, fingerprint }: PullRequestFacts): string {
  const named = rules.map(({ rule, version }) => `${oneLine(rule)} v${version}`).join(", ") || "none";
  return [
    `- Session ${oneLine(session.id)}: ${session.turns} turns, ${session.costUsd.toFixed(2)} USD`,
    `- Rules in force: ${named}${omitted.rules === 0 ? "" : `, and ${omitted.rules} more`}`,
    `- Base ${baseSha}`,
    `- Patch sha256 ${patchDigest}, fingerprint ${fingerprint}`,
  ].join("\n");
}

function describeFile({ path, added, removed }: PullRequestFacts["files"][number]): string {
  return `- ${oneLine(path)}: +${added} −${removed}`;
}

function more(count: number, what: string): string {
  return count === 0 ? "" : `\n\n${count} more ${what} are in the artifact.`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A dossier's id as a word of a command line; what is no such id is not repeated. */
function codeWord(id: string): string {
  return /^d-[0-9TZ]+(?:-[0-9a-f]+)?$/.test(id) ? id : "DOSSIER";
}

/** JSON in plain signs: nothing in it ends the comment, or is a mention, reference, address or command to anybody. */
function hiddenJson(facts: PullRequestFacts): string {
  return JSON.stringify(facts).replaceAll(
    /[^ -~]|[<>&@#]|(?<=:)\/|-(?=-)/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
