import { findConflicts } from "../learn/conflicts.ts";
import { canonicalJson, type CommitSha } from "../model/json.ts";
import type { Rule } from "../model/outcome.ts";
import { parseInstant } from "../model/time.ts";
import type { OpenProposal } from "../github/port.ts";
import { WhetstoneError } from "../model/error.ts";
import { sha256 } from "../protect/digest.ts";
import { appendLedger } from "../protect/ledger.ts";
import { withRuleBlock } from "../session/claude-md.ts";
import { changedRuleText, formatRule, parseRule, RULES_FOLDER } from "../session/rules.ts";
import { type FileChange, wholeFilePatch } from "./file-patch.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** Branches that change rules start with this. */
const RULES_PREFIX = "whetstone/rules/";

/** What is to be proposed. */
export type RuleProposal = {
  /** Rules as they are to be; those that the head commit has just so are left out. */
  readonly rules: readonly Rule[];
  /** Rules of the head commit, of any target. */
  readonly files: readonly Rule[];
  /** Why, for those who review it: one line each. */
  readonly why: readonly string[];
  /** RFC 3339. */
  readonly now: string;
  /** Id of the authorization, where one was needed. */
  readonly authorization?: string | undefined;
};

/** Candidates that a commit lacks: rules whose trial is to begin, and changes of rules that it has. */
export function pendingRules(candidates: readonly Rule[], files: readonly Rule[]): Rule[] {
  return candidates.filter((rule) => {
    const known = files.find(({ id }) => id === rule.id);
    if (rule.state === "retired") return known !== undefined && known.state !== "retired";
    // What a person retired, or has a later version of, is not brought back by what was learned before.
    if (rule.state !== "active" || known?.state === "retired") return false;
    return known === undefined || (known.version <= rule.version && canonicalJson(known) !== canonicalJson(rule));
  });
}

/**
 * Opens a branch on the head commit that changes `rules/*.yaml`, and with them the block of CLAUDE.md. Nothing is in force
 * before a person merges it. Undefined when there is nothing to change.
 * @throws WhetstoneError `config_invalid` when the rules would then contradict or repeat each other; those of the forge
 */
export async function proposeRules(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  proposal: RuleProposal,
): Promise<OpenProposal | undefined> {
  const { forge, state, clock, targetName } = run.workspace;
  const { sha } = await forge.head();
  const after = new Map([...proposal.files, ...proposal.rules].map((rule) => [rule.id, rule]));
  assertAgreement([...after.values()]);
  const changes = [
    ...(await ruleChanges(run, sha, proposal.rules)),
    await blockChange(run, { sha, rules: [...after.values()], now: proposal.now }),
  ];
  const patch = wholeFilePatch(changes);
  if (patch === "") return undefined;
  const branch = `${RULES_PREFIX}${targetName}/${sha256(patch).slice(0, 12)}`;
  const opened = await forge.openProposal({
    branch,
    baseSha: sha,
    patch,
    title: `Rules of ${targetName}: ${proposal.rules.map(({ id }) => id).join(", ")}`.slice(0, 120),
    body: [
      ...proposal.why.map((line) => `- ${line}`),
      "",
      "No session sees a change of this before it is merged.",
    ].join("\n"),
  });
  const parameters = { patch: sha256(patch), base: sha };
  const act = { operation: "propose", decision: "allow", reasonCode: "ok", result: branch, parameters } as const;
  const entry = { ...ledgerEntry(run, { ...act, rollback: `git branch -D ${branch}` }) };
  const { authorization } = proposal;
  await appendLedger(state, [authorization === undefined ? entry : { ...entry, authorization }], { clock });
  return opened;
}

function assertAgreement(rules: readonly Rule[]): void {
  const [conflict] = findConflicts(rules.filter(({ state }) => state === "active"));
  if (conflict === undefined) return;
  const [a, b] = conflict.rules;
  throw new WhetstoneError(
    "config_invalid",
    `${a} and ${b} cannot both be in force (${conflict.kind}: ${conflict.detail}).`,
    {
      remedy: `Retire one first: whetstone rules retire ${b}`,
      data: { rules: conflict.rules },
    },
  );
}

type Where = Pick<LoopRun, "workspace">;

async function ruleChanges({ workspace }: Where, sha: CommitSha, rules: readonly Rule[]): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const rule of rules) {
    const path = `${RULES_FOLDER}/${rule.id}.yaml`;
    const bytes = await workspace.forge.read(sha, path);
    if (bytes === undefined) {
      changes.push({ path, before: undefined, after: formatRule(rule) });
      continue;
    }
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    const known = parseRule(bytes, `${rule.id}.yaml`);
    changes.push({ path, before, after: changedRuleText(before, { from: known, to: rule }) });
  }
  return changes;
}

type Block = { readonly sha: CommitSha; readonly rules: readonly Rule[]; readonly now: string };

async function blockChange({ workspace }: Where, { sha, rules, now }: Block): Promise<FileChange> {
  const bytes = await workspace.forge.read(sha, "CLAUDE.md");
  const before = bytes && new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const inForce = rules.filter(
    ({ state, expires }) => state === "active" && parseInstant(expires, 0n) > parseInstant(now, 0n),
  );
  return { path: "CLAUDE.md", before, after: withRuleBlock(before, inForce) };
}
