import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { z } from "zod";
import { configTemplate } from "../../config/template.ts";
import { repositoryRoot } from "../../github/repository.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Workload } from "../../model/call.ts";
import { writeFileWhole } from "../../protect/files.ts";
import type { InitOptions } from "../commands/init.ts";
import { printJson, type Io } from "../io.ts";
import { workflowsFor } from "../workflow-template.ts";

const EXAMPLE_WORKLOAD: Workload = {
  schema: "whetstone.workload/1",
  description: "Replace this by calls that your users make: one session per client session, calls in order.",
  sessions: [{ id: "s1", calls: [{ tool: "name_of_a_tool", arguments: {} }] }],
};

/**
 * `whetstone init`: writes nothing unless it can write everything. Workflows can be added to a repository that is set up:
 * its configuration is kept then, even with `--force`.
 */
export async function runInit(options: InitOptions, io: Io): Promise<number> {
  const root = await repositoryRoot(io.cwd);
  const command = options.command ?? (await guessCommand(root)) ?? "node server.js";
  const kept = options.workflow !== undefined && existsSync(join(root, "whetstone.yaml"));
  const files = new Map([
    ...(kept ? [] : configuration(root, options.target, command)),
    ...(await workflows(root, options)),
  ]);
  const existing = [...files.keys()].filter((file) => existsSync(file)).map((file) => relative(io.cwd, file));
  if (existing.length > 0 && options.force !== true) {
    throw new WhetstoneError("usage", `These files exist already: ${existing.join(", ")}.`, {
      remedy: "Nothing was written. Add --force to overwrite them.",
    });
  }
  for (const [file, text] of await ignored(root)) files.set(file, text);
  for (const [file, text] of files) await writeFileWhole(file, text);
  const written = [...files.keys()].map((file) => relative(io.cwd, file) || file);
  if (options.json) printJson(io, { written, kept: kept ? ["whetstone.yaml"] : [], command: kept ? null : command });
  else io.out([...written.map((file) => `wrote ${file}\n`), ...nextSteps(options, kept)].join(""));
  return EXIT.pass;
}

function configuration(root: string, name: string, command: string): (readonly [string, string])[] {
  return [
    [join(root, "whetstone.yaml"), configTemplate({ name, command })],
    [join(root, ".whetstone-workload.json"), `${JSON.stringify(EXAMPLE_WORKLOAD, undefined, 2)}\n`],
  ];
}

async function workflows(root: string, { workflow }: InitOptions): Promise<(readonly [string, string])[]> {
  if (workflow === undefined) return [];
  return [...(await workflowsFor(workflow))].map(([name, text]) => [join(root, ".github", "workflows", name), text]);
}

/** `.gitignore` with the line that it lacks. */
async function ignored(root: string): Promise<(readonly [string, string])[]> {
  const file = join(root, ".gitignore");
  const before = await readOr(file, "");
  if (/^\.whetstone\/$/m.test(before)) return [];
  return [[file, `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}.whetstone/\n`]];
}

function nextSteps({ target, workflow }: InitOptions, kept: boolean): string[] {
  const settings = "  whetstone doctor --github\n";
  if (kept)
    return [`kept whetstone.yaml\n\nNext: commit, push, then see what the repository's settings lack\n`, settings];
  return [
    "\nNext: put real calls into .whetstone-workload.json, check `command` and `source`, commit, then run\n",
    `  whetstone doctor\n  whetstone loop --local --mode analysis --target ${target}\n`,
    ...(workflow === undefined ? [] : ["and when it is pushed\n", settings]),
  ];
}

const McpJson = z.looseObject({
  mcpServers: z.record(z.string(), z.looseObject({ command: z.string(), args: z.array(z.string()).default([]) })),
});
const PackageJson = z.looseObject({
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  main: z.string().optional(),
});

/** How the server probably starts: the first of `.mcp.json`, else the package's bin or main. */
async function guessCommand(root: string): Promise<string | undefined> {
  const mcp = McpJson.safeParse(parseJson(await readOr(join(root, ".mcp.json"), "")));
  const first = mcp.success ? Object.values(mcp.data.mcpServers)[0] : undefined;
  if (first) return [first.command, ...first.args].map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(" ");
  const found = PackageJson.safeParse(parseJson(await readOr(join(root, "package.json"), "")));
  if (!found.success) return undefined;
  const { bin, main } = found.data;
  const entry = typeof bin === "string" ? bin : (Object.values(bin ?? {})[0] ?? main);
  return entry === undefined ? undefined : `node ${entry}`;
}

async function readOr(file: string, fallback: string): Promise<string> {
  return existsSync(file) ? readFile(file, "utf8") : fallback;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // only a guess is lost; the file is not ours to judge
  }
}
