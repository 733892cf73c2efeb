import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import { Rule } from "../model/outcome.ts";

/**
 * The rules in force for a target: files `rules/*.yaml` of the commit that is worked on, active and not expired at `now`
 * (RFC 3339). Rules get there by a reviewed commit; candidates on the state branch are not in force.
 * @throws WhetstoneError `config_invalid` naming the file that is no rule.
 */
export async function readRules(
  worktree: string,
  at: { readonly target: string; readonly now: string },
): Promise<Rule[]> {
  const folder = join(worktree, "rules");
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  const rules: Rule[] = [];
  for (const name of names.filter((file) => file.endsWith(".yaml")).sort()) {
    rules.push(parseRule(await readFile(join(folder, name), "utf8"), `rules/${name}`));
  }
  return rules.filter((rule) => rule.state === "active" && rule.scope.target === at.target && rule.expires > at.now);
}

function parseRule(text: string, file: string): Rule {
  const invalid = (why: string): WhetstoneError =>
    new WhetstoneError("config_invalid", `${file} is no rule: ${why}`, {
      remedy: "Compare it with schemas/rule.schema.json, or remove the file.",
    });
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw invalid(messageOf(error));
  }
  const parsed = Rule.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a rule"}`);
}
