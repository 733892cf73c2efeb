import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { build, type OutputChunk, type RolldownOutput } from "rolldown";

/**
 * `npm run build`: builds `dist/` from `src/`, because Node refuses to strip types below `node_modules`.
 *
 * - `dist/cli/` and `dist/serverless.js`: the command line and the App for hosts of functions in shared chunks; their
 *   dependencies stay where npm put them, but for the MCP server SDK.
 * - `dist/instrument/`: the library `whetstone/instrument` and `whetstone/register`, in shared chunks likewise.
 * - `dist/actions/`: the GitHub actions, in shared chunks that hold everything, because a runner installs nothing; beside
 *   them the licences of what they hold.
 *
 * `import.meta.url` of an entry is as deep below the package as that of its source.
 */
const OUT = resolve("dist");

/** A relative import or a file of this repository; everything else is a dependency or belongs to Node. */
const isOwn = (id: string): boolean => id.startsWith(".") || id.startsWith("/") || /^[A-Za-z]:[\\/]/.test(id);

/**
 * The server SDK of MCP's stateless revision is small as code and large as a package, with its source maps and both
 * module systems: the command line carries the code, and an install stays light.
 */
const isCarried = (id: string): boolean => /^@modelcontextprotocol\/(server|core)(\/|$)/.test(id);

/** Optional parts of dependencies that their code asks for in a try block; loading them fails as it does without them. */
const OPTIONAL_PEERS = ["probot", "pg-native", "pg-cloudflare", "cloudflare:sockets"];

/**
 * `@actions/core` brings an HTTP client for tokens that no action of ours asks for, `@actions/github` a second client of
 * GitHub; importing them does nothing by itself.
 */
const NOTHING_BY_ITSELF =
  /\/node_modules\/(?:@actions\/(?:core|github|http-client)|@octokit\/plugin-(?:paginate-rest|rest-endpoint-methods)|undici|tunnel)\//;

/** Fewer bytes for every job to fetch; names stay, so that the stack of a bug can be read. */
const SMALLER = { mangle: false, compress: true, codegen: { removeWhitespace: true } } as const;

const shared = { cwd: process.cwd(), platform: "node", write: false, logLevel: "warn" } as const;

const cli = await build({
  ...shared,
  input: {
    "cli/main": "src/cli/main.ts",
    "cli/store-writer": "src/cli/store-writer.ts",
    "cli/gate-counter": "src/cli/gate-counter.ts",
    serverless: "src/serverless.ts",
  },
  external: (id) => !isOwn(id) && !isCarried(id),
  output: { format: "esm", entryFileNames: "[name].js", chunkFileNames: "cli/chunks/[name]-[hash].js" },
});
const instrument = await build({
  ...shared,
  input: { "instrument/index": "src/instrument/index.ts", "instrument/register": "src/instrument/register.ts" },
  external: (id) => !isOwn(id),
  output: { format: "esm", entryFileNames: "[name].js", chunkFileNames: "instrument/chunks/[name]-[hash].js" },
});
/** The action of the repository itself and every one below `actions/`; `src/actions/NAME.ts` is the entry of each. */
const ACTIONS = ["step", ...readdirSync("actions").toSorted()];
const action = await build({
  ...shared,
  input: {
    ...Object.fromEntries(ACTIONS.map((name) => [`actions/${name}`, `src/actions/${name}.ts`])),
    // The servers that a session on Claude Code mounts: a runner has nothing else of the package.
    "actions/session-program": "src/cli/session-program.ts",
  },
  external: OPTIONAL_PEERS,
  treeshake: { moduleSideEffects: (id) => !NOTHING_BY_ITSELF.test(id) },
  output: {
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "actions/chunks/[name]-[hash].js",
    minify: SMALLER,
  },
});

const built = [...cli.output, ...instrument.output, ...action.output];
await replaceFolder([
  ...built.map((file) => [file.fileName, contentOf(file)] as const),
  ["cli/LICENSES.txt", licencesOf(cli.output.filter((file) => file.type === "chunk"))],
  ["actions/LICENSES.txt", licencesOf(action.output.filter((file) => file.type === "chunk"))],
]);

function contentOf(file: RolldownOutput["output"][number]): string | Uint8Array {
  return file.type === "chunk" ? file.code : file.source;
}

/** Written beside the old folder first, so that a failed build leaves the last good one. */
async function replaceFolder(files: readonly (readonly [string, string | Uint8Array])[]): Promise<void> {
  const fresh = `${OUT}.${process.pid}`;
  try {
    for (const [name, content] of files) {
      await mkdir(dirname(join(fresh, name)), { recursive: true });
      await writeFile(join(fresh, name), content);
    }
    rmSync(OUT, { recursive: true, force: true });
    renameSync(fresh, OUT);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  for (const [name, content] of files) process.stdout.write(`dist/${name} ${content.length} bytes\n`);
}

/** Name, version and licence text of every package whose code is inside the chunks. */
function licencesOf(chunks: readonly OutputChunk[]): string {
  const modules = chunks.flatMap((chunk) => chunk.moduleIds).map((id) => id.replace(/^\0/, ""));
  const folders = modules.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);
  const packages = [...new Set(folders.filter((folder) => folder !== undefined))].sort();
  return packages.map(describeLicence).join(`\n${"-".repeat(80)}\n\n`);
}

function describeLicence(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const text = file === undefined || !existsSync(join(folder, file)) ? "" : readFileSync(join(folder, file), "utf8");
  return `${String(manifest["name"])} ${String(manifest["version"])}: ${String(manifest["license"])}\n\n${text.trim()}\n`;
}
