import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadedFiles } from "../scripts/loaded-files.ts";
import { renderTable } from "../src/cli/table.ts";

/**
 * What a runner fetches and waits for: the size of every file of the built actions, and the start of each entry up to
 * its first work, beside bare Node in the same run. First work is the first file of the workspace that is read, the
 * first program that is started or the first request that is sent: everything before is loading and the check of the inputs.
 */
const RUNS = 9;
const LIMIT_BYTES = 4_000_000;
const LIMIT_MS = 300;
const FOLDER = resolve("dist/actions");

const workspace = mkdtempSync(join(tmpdir(), "whetstone-bench-actions-"));
const commands = join(workspace, "commands");
writeFileSync(commands, "");
const probe = join(workspace, "probe.mjs");
writeFileSync(
  probe,
  `import fs from "node:fs";
import child from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
const stop = () => process.reallyExit(77);
for (const name of ["spawn", "execFile"]) child[name] = stop;
globalThis.fetch = stop;
for (const name of ["readFile", "readdir", "open", "stat", "lstat", "access", "mkdir"]) {
  const own = fs.promises[name];
  fs.promises[name] = (path, ...rest) => (String(path).startsWith(${JSON.stringify(workspace)}) ? stop() : own(path, ...rest));
}
syncBuiltinESMExports();
`,
);

/** Inputs that every entry takes as meant, so that it comes to its work. */
const DIGEST = "0".repeat(64);
const GIVEN: Readonly<Record<string, string>> = {
  dossier: "before",
  digest: DIGEST,
  session: "replay:session.json",
  artifact: "1",
  "artifact-digest": DIGEST,
  needs: JSON.stringify({ gate: { result: "success", outputs: { digest: DIGEST, order: DIGEST } } }),
};

/** Names of the required inputs of an action, by its file. */
function required(file: string): string[] {
  const blocks = readFileSync(file, "utf8").split(/^outputs:/m)[0] ?? "";
  return [...blocks.matchAll(/^ {2}([a-z-]+):\n(?: {4}.*\n)*? {4}required: true/gm)].map(([, name]) => name ?? "");
}

function environment(inputs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const files = Object.fromEntries(
    ["OUTPUT", "STEP_SUMMARY", "STATE", "ENV", "PATH"].map((name) => [`GITHUB_${name}`, commands]),
  );
  return {
    PATH: process.env["PATH"],
    GITHUB_ACTIONS: "true",
    GITHUB_WORKSPACE: workspace,
    GITHUB_REPOSITORY: "octo/notes",
    GITHUB_ACTOR: "octocat",
    GITHUB_RUN_ID: "17",
    GITHUB_RUN_ATTEMPT: "1",
    GITHUB_SERVER_URL: "https://github.test",
    ...files,
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
}

type Start = { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly status: number };

/** Wall time in ms up to the first work. */
function once({ args, env, status }: Start): number {
  const begun = performance.now();
  const ended = spawnSync(process.execPath, args, { cwd: workspace, env, encoding: "utf8" });
  const ms = performance.now() - begun;
  if (ended.status === status) return ms;
  throw new Error(`${args.join(" ")} came to no work (exit ${ended.status}): ${ended.stdout}${ended.stderr}`);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;
const sizeOf = (files: Iterable<string>): number => [...files].reduce((sum, file) => sum + statSync(file).size, 0);

execFileSync("npm", ["run", "--silent", "build"], { stdio: ["ignore", "ignore", "inherit"] });
try {
  const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  const actionOf = (name: string): string =>
    name === "step.js" ? "action.yml" : join("actions", name.replace(/\.js$/, ""), "action.yml");
  // Programs that an action starts lie beside the entries.
  const entries = files.filter((name) => !name.includes("/") && existsSync(actionOf(name))).toSorted();
  const starts = entries.map((name) => {
    const action = actionOf(name);
    const inputs = Object.fromEntries(required(action).map((input) => [input, GIVEN[input] ?? "1"]));
    return { name, args: ["--import", probe, join(FOLDER, name)], env: environment(inputs), status: 77 };
  });
  const bare: number[] = [];
  const measured = new Map<string, number[]>(entries.map((name) => [name, []]));
  for (let run = 0; run < RUNS; run += 1) {
    bare.push(once({ args: ["-e", "0"], env: environment({}), status: 0 }));
    for (const start of starts) measured.get(start.name)?.push(once(start));
  }
  const rows = entries.map((name) => {
    const ms = median(measured.get(name) ?? []);
    const size = kb(sizeOf(loadedFiles(join(FOLDER, name))));
    return [name, size, `${ms.toFixed(0)} ms`, `${LIMIT_MS} ms`, `${(ms / median(bare)).toFixed(1)} ×`];
  });
  process.stdout.write(renderTable(["entry", "loads", "first work", "limit", "of bare Node"], rows));
  process.stdout.write(`bare Node: ${median(bare).toFixed(0)} ms; medians of ${RUNS} runs\n\n`);
  const chunks = files.toSorted((a, b) => statSync(join(FOLDER, b)).size - statSync(join(FOLDER, a)).size);
  const sizes = chunks.map((name) => [name, kb(statSync(join(FOLDER, name)).size), ""]);
  const total = sizeOf(chunks.map((name) => join(FOLDER, name)));
  process.stdout.write(renderTable(["file", "size", "limit"], [...sizes, ["together", kb(total), kb(LIMIT_BYTES)]]));
} finally {
  rmSync(workspace, { recursive: true });
}
