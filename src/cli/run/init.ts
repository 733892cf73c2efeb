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

/** `whetstone init`: writes nothing unless it can write everything. */
export async function runInit(options: InitOptions, io: Io): Promise<number> {
  const root = await repositoryRoot(io.cwd);
  const command = options.command ?? (await guessCommand(root)) ?? "node server.js";
  const ignore = await readOr(join(root, ".gitignore"), "");
  const files = new Map([
    [join(root, "whetstone.yaml"), configTemplate({ name: options.target, command })],
    [join(root, ".whetstone-workload.json"), `${JSON.stringify(EXAMPLE_WORKLOAD, undefined, 2)}\n`],
  ]);
  if (options.workflow !== undefined) {
    for (const [name, text] of await workflowsFor(options.workflow)) {
      files.set(join(root, ".github", "workflows", name), text);
    }
  }
  const existing = [...files.keys()].filter((file) => existsSync(file)).map((file) => relative(io.cwd, file));
  if (existing.length > 0 && options.force !== true) {
    throw new WhetstoneError("usage", `These files exist already: ${existing.join(", ")}.`, {
      remedy: "Nothing was written. Add --force to overwrite them.",
    });
  }
  if (!/^\.whetstone\/$/m.test(ignore)) {
    files.set(join(root, ".gitignore"), `${ignore}${ignore === "" || ignore.endsWith("\n") ? "" : "\n"}.whetstone/\n`);
  }
  for (const [file, text] of files) await writeFileWhole(file, text);
  const written = [...files.keys()].map((file) => relative(io.cwd, file) || file);
  if (options.json) printJson(io, { written, command });
  else {
    for (const file of written) io.out(`wrote ${file}\n`);
    io.out("\nNext: put real calls into .whetstone-workload.json, check `command` and `source`, commit, then run\n");
    io.out(`  whetstone doctor\n  whetstone loop --local --mode analysis --target ${options.target}\n`);
  }
  return EXIT.pass;
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
