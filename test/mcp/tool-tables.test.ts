import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { PAGE, toolTables, withToolTables } from "../../scripts/tool-tables.ts";
import { CATALOGUE } from "../../src/mcp/catalogue.ts";

test("docs/mcp.md holds the tables that the declarations give; `npm run tool-tables` writes them", async () => {
  const page = readFileSync(PAGE, "utf8");
  expect(page).toBe(await withToolTables(page));
});

test("every tool stands in them, once as a row", () => {
  const tables = toolTables();
  for (const { name } of CATALOGUE) expect(tables.split(`\n| \`${name}\``)).toHaveLength(2);
});

test("a page without the markers is refused", async () => {
  await expect(withToolTables("# Page")).rejects.toThrow(/markers/);
});

test("the README names as many tools as there are", () => {
  expect(readFileSync("README.md", "utf8")).toContain(`${CATALOGUE.length} tools`);
});
