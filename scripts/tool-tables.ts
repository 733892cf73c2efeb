import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { CATALOGUE } from "../src/mcp/catalogue.ts";
import { TOOLSETS, type Tool } from "../src/mcp/tool.ts";

const START = "<!-- tool-tables: generated from src/mcp/tools by `npm run tool-tables` -->";
const END = "<!-- /tool-tables -->";

/** The page whose tables are generated. */
export const PAGE = "docs/mcp.md";

/** One table per toolset, in the order of the catalogue. */
export function toolTables(tools: readonly Tool[] = CATALOGUE): string {
  return TOOLSETS.map((toolset) => {
    const rows = tools.filter((tool) => tool.toolset === toolset).map(row);
    return [
      `### Toolset \`${toolset}\``,
      "",
      "| tool | arguments | what it does |",
      "| --- | --- | --- |",
      ...rows,
    ].join("\n");
  }).join("\n\n");
}

function row({ name, alias, input, description, effects, runsCommands }: Tool): string {
  const names = alias === undefined ? `\`${name}\`` : `\`${name}\` (alias \`${alias}\`)`;
  const writes = runsCommands === true ? " **Runs commands.**" : effects.readOnly ? "" : " **Writes.**";
  const args = Object.entries(input.shape).map(([key, type]) => (type.safeParse(undefined).success ? `[${key}]` : key));
  return `| ${names} | ${args.filter((key) => key !== "[max_tokens]").join(", ")} | ${description.replaceAll("|", "\\|")}${writes} |`;
}

/** The page with fresh tables between its markers, formatted. @throws Error when a marker is missing */
export async function withToolTables(page: string): Promise<string> {
  const [from, to] = [page.indexOf(START), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${PAGE} lacks the markers of its tables.`);
  const text = `${page.slice(0, from)}${START}\n\n${toolTables()}\n\n${page.slice(to)}`;
  return format(text, { ...(await resolveConfig(PAGE)), parser: "markdown" });
}

if (import.meta.main) writeFileSync(PAGE, await withToolTables(readFileSync(PAGE, "utf8")));
