import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { parse } from "yaml";
import { z } from "zod";

/** The page that shows inputs and outputs. */
export const PAGE = "docs/github.md";

/** What of `action.yml` it shows. */
const Action = z.looseObject({
  inputs: z.record(z.string(), z.looseObject({ description: z.string(), default: z.string().optional() })),
  outputs: z.record(z.string(), z.looseObject({ description: z.string() })),
});

const START = "<!-- action-tables: generated from action.yml by `npm run action-tables` -->";
const END = "<!-- /action-tables -->";

/** The tables of inputs and outputs, in the order of `action.yml`. */
export function actionTables(yaml: string): string {
  const { inputs, outputs } = Action.parse(parse(yaml));
  const rows = Object.entries(inputs).map(([name, input]) => {
    const fallback = input.default === undefined ? "" : `\`${input.default}\``;
    return `| \`${name}\` | ${fallback} | ${input.description} |`;
  });
  const results = Object.entries(outputs).map(([name, { description }]) => `| \`${name}\` | ${description} |`);
  return [
    ["| input | default | what it says |", "| --- | --- | --- |", ...rows].join("\n"),
    ["| output | what it says |", "| --- | --- |", ...results].join("\n"),
  ].join("\n\n");
}

/** The page with fresh tables between its markers, formatted. @throws Error when a marker is missing */
export async function withActionTables(page: string, yaml: string): Promise<string> {
  const [before, rest] = split(page, START);
  const [, after] = split(rest, END);
  const text = `${before}${START}\n\n${actionTables(yaml)}\n\n${END}${after}`;
  return format(text, { ...(await resolveConfig(PAGE)), parser: "markdown" });
}

function split(text: string, marker: string): readonly [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`The marker ${marker} is missing.`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

if (import.meta.main) {
  writeFileSync(PAGE, await withActionTables(readFileSync(PAGE, "utf8"), readFileSync("action.yml", "utf8")));
}
