import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument, stringify } from "yaml";
import { findConflicts } from "../learn/conflicts.ts";
import { codeOf, WhetstoneError } from "../model/error.ts";
import { canonicalJson } from "../model/json.ts";
import { Rule } from "../model/outcome.ts";
import { parseInstant } from "../model/time.ts";
import { readYaml, type YamlFault } from "../yaml/document.ts";
import { checkShape } from "../yaml/shape.ts";

/** Folder of the rules, below the root of the repository. */
export const RULES_FOLDER = "rules";

/** Larger than any rule. */
const LARGEST_RULE_BYTES = 64 * 1024;

/**
 * The rules in force for a target: files `rules/*.yaml` of the commit that is worked on, active and not expired at `now`
 * (RFC 3339). Rules get there by a reviewed commit; candidates on the state branch are not in force.
 * @throws WhetstoneError `config_invalid` naming the file that is no rule, or the two that cannot both be in force.
 */
export async function readRules(
  worktree: string,
  at: { readonly target: string; readonly now: string },
): Promise<Rule[]> {
  const now = parseInstant(at.now, 0n);
  const rules = await readRuleFiles(worktree);
  return rules.filter(
    ({ state, scope, expires }) => state === "active" && scope.target === at.target && parseInstant(expires, 0n) > now,
  );
}

/**
 * Every rule of a worktree, in any state, by file name. Each is a file of its own name, and no two living ones say the
 * same or the opposite.
 * @throws WhetstoneError `config_invalid` naming file, line and column, or both files.
 */
export async function readRuleFiles(worktree: string): Promise<Rule[]> {
  const folder = join(worktree, RULES_FOLDER);
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  const rules: Rule[] = [];
  for (const name of names.filter((file) => /\.ya?ml$/i.test(file)).sort()) {
    rules.push(parseRule(await readPlain(join(folder, name), name), name));
  }
  assertAgreement(rules);
  return rules;
}

/** Bytes of a file that is one: a link may lead out of the repository, and what it leads to would be quoted in the error. */
async function readPlain(path: string, name: string): Promise<Uint8Array> {
  const stats = await lstat(path);
  const file = `${RULES_FOLDER}/${name}`;
  if (!stats.isFile()) throw invalid(file, "it is no plain file");
  if (stats.size > LARGEST_RULE_BYTES) throw invalid(file, `it has more than ${LARGEST_RULE_BYTES} bytes`);
  return await readFile(path);
}

/**
 * A rule as its file says it.
 * @throws WhetstoneError `config_invalid` with every fault and its place
 */
export function parseRule(bytes: Uint8Array, name: string): Rule {
  const file = `${RULES_FOLDER}/${name}`;
  if (bytes.length > LARGEST_RULE_BYTES) throw invalid(file, `it has more than ${LARGEST_RULE_BYTES} bytes`);
  const text = readYaml(new TextDecoder().decode(bytes));
  if ("faults" in text) throw invalid(file, describe(text.faults));
  const shape = checkShape(text, Rule);
  if ("faults" in shape) throw invalid(file, describe(shape.faults));
  const { value: rule } = shape;
  if (name !== `${rule.id}.yaml`) throw invalid(file, `its id is ${rule.id}, so it must be the file ${rule.id}.yaml`);
  if (parseInstant(rule.expires, 0n) < parseInstant(rule.created, 0n)) {
    throw invalid(file, "it expires before it was created");
  }
  return rule;
}

/** A rule as the text of its file. */
export function formatRule(rule: Rule): string {
  return stringify(rule, { lineWidth: 120 });
}

/** The text of a rule's file with what is different in the rule: the rest, comments too, stays as people wrote it. */
export function changedRuleText(text: string, { from, to }: { readonly from: Rule; readonly to: Rule }): string {
  if (canonicalJson(from) === canonicalJson(to)) return text;
  const document = parseDocument(text);
  const [before, after] = [
    new Map<string, unknown>(Object.entries(from)),
    new Map<string, unknown>(Object.entries(to)),
  ];
  for (const key of before.keys()) if (!after.has(key)) document.delete(key);
  for (const [key, value] of after) {
    if (canonicalJson(value) !== canonicalJson(before.get(key))) document.set(key, value);
  }
  return document.toString({ lineWidth: 120 });
}

function assertAgreement(rules: readonly Rule[]): void {
  const [conflict] = findConflicts(rules.filter(({ state }) => state === "active"));
  if (conflict === undefined) return;
  const [a, b] = conflict.rules.map((id) => `${RULES_FOLDER}/${id}.yaml`);
  const what = conflict.kind === "duplicate" ? "say the same" : "contradict each other";
  throw new WhetstoneError("config_invalid", `${a} and ${b} ${what}: ${conflict.detail}.`, {
    remedy: "Keep one: set `state: retired` in the other, or give them scopes that do not meet.",
    data: { rules: conflict.rules },
  });
}

function describe(faults: readonly YamlFault[]): string {
  return faults.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`).join("; ");
}

function invalid(file: string, why: string): WhetstoneError {
  return new WhetstoneError("config_invalid", `${file} is no rule: ${why}`, {
    remedy: "Compare it with schemas/rule.schema.json, or remove the file.",
    data: { file },
  });
}
