import { messageOf, WhetstoneError } from "../model/error.ts";
import type { Rule } from "../model/outcome.ts";
import { changeSubject } from "../protect/authorization/subject.ts";
import { sha256 } from "../protect/digest.ts";
import { recordCandidates } from "../protect/outcomes.ts";
import { readRuleFiles, RULES_FOLDER } from "../session/rules.ts";
import { proposeRules } from "./propose-rules.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** Which rule is retired, why, and with whose leave. */
export type Retirement = {
  readonly rule: Rule;
  readonly why: string;
  /** The token of an authorization for `rule.retire` of exactly this rule file. */
  readonly token: string | undefined;
  /** RFC 3339. */
  readonly now: string;
};

/** The branch that takes the rule out of force once it is merged; undefined for a candidate, which never was. */
export type Retired = { readonly branch: string | undefined; readonly authorization: string | null };

/**
 * Retires a rule at a person's word: it is not learned again, and a branch is opened that takes it out of force. Taking
 * one out that a commit has needs an authorization for its file as it stands there; a candidate needs none.
 * @throws WhetstoneError `unauthorized`; `stopped`; `usage` for a rule that is retired already
 */
export async function retireRule(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  { rule, why, token, now }: Retirement,
): Promise<Retired> {
  const { forge, state, clock, root } = run.workspace;
  if (rule.state === "retired") {
    throw new WhetstoneError("usage", `${rule.id} is retired already.`, { remedy: "Nothing is left to do." });
  }
  const retired: Rule = { ...rule, state: "retired", retired: { at: now, why: why.slice(0, 500) } };
  const { sha } = await forge.head();
  const file = await forge.read(sha, `${RULES_FOLDER}/${rule.id}.yaml`);
  const authorization = file === undefined ? undefined : await permit(run, { rule, token, digest: sha256(file) });
  const act = { operation: "rule.retire", decision: "allow", reasonCode: "rule_retired", result: "retired" } as const;
  const entry = ledgerEntry(run, { ...act, parameters: retired });
  const entries = [authorization === undefined ? entry : { ...entry, authorization }];
  const files = await readRuleFiles(root);
  const opened =
    file === undefined
      ? undefined
      : await proposeRules(run, { rules: [retired], files, why: [`${rule.id}: ${why}`], now, authorization });
  await recordCandidates(state, { rules: [retired], entries }, clock);
  return { branch: opened?.branch, authorization: authorization ?? null };
}

type Asked = { readonly rule: Rule; readonly token: string | undefined; readonly digest: string };

async function permit(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  { rule, token, digest }: Asked,
): Promise<string | undefined> {
  const { guard, targetName } = run.workspace;
  const request = { actor: run.actor, target: targetName, run: run.id, subject: changeSubject(digest), token };
  try {
    return (await guard.permit("rule.retire", request)).authorization;
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.data["reason"] !== "authorization_missing") throw error;
    const file = `${RULES_FOLDER}/${rule.id}.yaml`;
    throw new WhetstoneError("unauthorized", messageOf(error), {
      remedy: `Ask for it: whetstone authorize request rule.retire --target ${targetName} --file ${file}`,
      data: { ...error.data },
      cause: error,
    });
  }
}
