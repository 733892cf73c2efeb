import { WhetstoneError } from "../model/error.ts";
import type { Rule } from "../model/outcome.ts";
import { forModel } from "../protect/sanitise.ts";

const BEGIN = "<!-- whetstone:rules: generated from rules/*.yaml; what is changed in here is lost -->";
const END = "<!-- /whetstone:rules -->";

/**
 * A CLAUDE.md with the block of learned rules: replaced where it stands, else put at the end. Every byte outside of the
 * block stays as it is. Without rules the block goes. `text` undefined: there is no file yet; nothing to write gives
 * undefined.
 * @throws WhetstoneError `config_invalid` when the markers do not stand in one pair
 */
export function withRuleBlock(text: string | undefined, rules: readonly Rule[]): string | undefined {
  const place = findBlock(text ?? "");
  if (place === undefined) {
    if (rules.length === 0) return text;
    const before = text ?? "";
    const join = before === "" || before.endsWith("\n") ? "" : lineEnd(before);
    return `${before}${join}${formatBlock(rules, lineEnd(before))}`;
  }
  const before = place.text.slice(0, place.from);
  const after = place.text.slice(place.to);
  return `${before}${rules.length === 0 ? "" : formatBlock(rules, lineEnd(place.text))}${after}`;
}

/**
 * A CLAUDE.md without the block: what sessions are told of rules is drawn for each of them, so the file must not tell
 * them all.
 * @throws WhetstoneError `config_invalid` when the markers do not stand in one pair
 */
export function withoutRuleBlock(text: string): string {
  const place = findBlock(text);
  return place === undefined ? text : `${text.slice(0, place.from)}${text.slice(place.to)}`;
}

type Place = { readonly text: string; readonly from: number; readonly to: number };

/** From the first marker to the end of the last one's line. */
function findBlock(text: string): Place | undefined {
  const [begins, ends] = [positions(text, "<!-- whetstone:rules"), positions(text, END)];
  if (begins.length === 0 && ends.length === 0) return undefined;
  const [from, to] = [begins[0], ends[0]];
  if (begins.length === 1 && ends.length === 1 && from !== undefined && to !== undefined && from < to) {
    const rest = /^\r?\n/.exec(text.slice(to + END.length))?.[0] ?? "";
    return { text, from, to: to + END.length + rest.length };
  }
  throw new WhetstoneError(
    "config_invalid",
    `CLAUDE.md has ${begins.length} beginnings and ${ends.length} ends of the block of learned rules.`,
    { remedy: `Keep one ${BEGIN} with one ${END} after it, or neither; the block is written anew.` },
  );
}

function positions(text: string, marker: string): number[] {
  return [...text.matchAll(new RegExp(marker.replaceAll(/[/\\^$*+?.()|[\]{}]/g, String.raw`\$&`), "g"))].map(
    ({ index }) => index,
  );
}

function formatBlock(rules: readonly Rule[], end: string): string {
  const line = ({ id, scope, text, hard }: Rule): string => {
    const what = hard === undefined ? "" : "**constraint** ";
    return `- ${what}${plain(scope.target)}, ${scope.findings.join(", ")}: ${plain(text)} (\`${id}\`)`;
  };
  const sorted = rules.toSorted((a, b) => Number(b.hard !== undefined) - Number(a.hard !== undefined) || byId(a, b));
  return [BEGIN, "", "## Learned rules", "", ...sorted.map(line), "", END, ""].join(end);
}

/** On one line, and nothing that could end the block or hide in it. */
function plain(text: string): string {
  const line = forModel(text.replaceAll(/\s+/g, " ").trim(), { maxLength: LONGEST_TEXT });
  return line.replaceAll("<!", "< !").replaceAll("-->", "-- >");
}

/** More than any rule has. */
const LONGEST_TEXT = 1_000;

function byId(a: Rule, b: Rule): number {
  return a.id < b.id ? -1 : 1;
}

/** How the lines of a text end, by its first one. */
function lineEnd(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}
