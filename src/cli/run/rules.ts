import { explainReview } from "../../learn/explain.ts";
import { assertBacked, assertDrawn } from "../../loop/backed.ts";
import { type KnownRules, readKnown } from "../../loop/learn.ts";
import { retireRule } from "../../loop/retire-rule.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { nearest } from "../../model/nearest.ts";
import { readAssignments } from "../../protect/assignments.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { newId, openWorkspace, type Workspace } from "../../wire.ts";
import type { RetireOptions, RulesOptions } from "../commands/rules.ts";
import { printJson, type Io } from "../io.ts";
import { cliActor } from "../protection.ts";
import { assertReason } from "../reason-option.ts";
import { type ListedRule, ruleTable } from "../rule-rows.ts";
import { readTokenOption } from "../token-source.ts";

/** `whetstone rules list`. */
export async function runListRules(options: RulesOptions, io: Io): Promise<number> {
  const { targetName, known } = await open(options, io);
  const listed = listedRules(known);
  if (options.json) printJson(io, { target: targetName, rules: listed.map(jsonOf) });
  else if (listed.length === 0) io.out(`No rule of ${targetName} yet: none in rules/, none learned.\n`);
  else io.out(ruleTable(listed));
  return EXIT.pass;
}

/** `whetstone rules show`. */
export async function runShowRule(id: string, options: RulesOptions, io: Io): Promise<number> {
  const { known } = await open(options, io);
  const found = findRule(id, listedRules(known));
  if (options.json) {
    printJson(io, jsonOf(found));
    return EXIT.pass;
  }
  const { rule, review } = found;
  const scope = [rule.scope.target, rule.scope.findings.join(", "), ...(rule.scope.tools ?? []), ...rule.scope.paths];
  const lines = [
    rule.text,
    `Scope: ${scope.join("; ")}.`,
    explainReview(review),
    ...(rule.evidence === undefined
      ? ["Written by a person."]
      : [`Learned from ${countOf(rule.evidence.outcomes.length, "outcome")}: ${rule.evidence.outcomes.join(", ")}.`]),
    ...(rule.hard === undefined
      ? []
      : [
          `Forbids findings ${rule.hard.findings.join(", ") || "none"}, paths ${rule.hard.paths.join(", ") || "none"}.`,
        ]),
    `Created ${rule.created}, expires ${rule.expires}; about ${review.tokens} tokens.`,
    ...(rule.retired === undefined ? [] : [`Retired ${rule.retired.at}: ${rule.retired.why}`]),
  ];
  for (const line of lines) io.out(`${forTerminal(line)}\n`);
  return EXIT.pass;
}

/** `whetstone rules retire`: a branch that takes the rule out of force once it is merged. */
export async function runRetireRule(id: string, options: RetireOptions, io: Io): Promise<number> {
  assertReason(options.why);
  const { workspace, known } = await open(options, io);
  const { rule } = findRule(id, listedRules(known));
  const token = await readTokenOption(options, io);
  const run = { workspace, id: newId("r", workspace.clock), actor: cliActor(io) };
  const { branch, authorization } = await retireRule(run, { rule, why: options.why, token, now: known.now });
  const { target } = rule.scope;
  if (options.json) printJson(io, { rule: id, target, branch: branch ?? null, authorization });
  else if (branch === undefined) io.out(`${id} was a candidate: it is retired, and not learned again.\n`);
  else io.out(`Proposed on ${branch}: ${id} is out of force once it is merged, and is not learned again.\n`);
  return EXIT.pass;
}

type Opened = { readonly workspace: Workspace; readonly targetName: string; readonly known: KnownRules };

async function open(options: RulesOptions, io: Io): Promise<Opened> {
  const workspace = await openWorkspace({ ...options, cwd: io.cwd, actor: cliActor(io) }, io.env, options.target);
  const known = await readKnown(workspace);
  const view = await workspace.state.view();
  await assertBacked(view, known.outcomes);
  const target = workspace.targetName;
  await assertDrawn(view, { target, assignments: await readAssignments(view, target) });
  return { workspace, targetName: workspace.targetName, known };
}

/** Each rule once, as its file has it where there is one. */
function listedRules({ existing, reviews }: KnownRules): ListedRule[] {
  return reviews.flatMap((review) => {
    const rule = existing.find(({ id }) => id === review.rule);
    return rule === undefined ? [] : [{ rule, review }];
  });
}

function findRule(id: string, listed: readonly ListedRule[]): ListedRule {
  const found = listed.find(({ rule }) => rule.id === id);
  if (found !== undefined) return found;
  const near = nearest(
    id,
    listed.map(({ rule }) => rule.id),
  );
  throw new WhetstoneError("not_found", `There is no rule ${id}.`, {
    remedy: near === undefined ? "See `whetstone rules list`." : `Did you mean "${near}"?`,
  });
}

function jsonOf({ rule, review }: ListedRule): Record<string, unknown> {
  return { ...rule, review };
}
