import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { renderTable } from "../src/cli/table.ts";

/**
 * What a person waits for: start of the command line beside bare Node, the whole loop of `npm start` with the peak
 * memory of its process, and `npm test` (left out unless asked for with `--test`, since it takes minutes).
 */
const RUNS = 7;
const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
const peakFile = join(folder, "peak");
const probe = join(folder, "peak.mjs");
writeFileSync(
  probe,
  `import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync(${JSON.stringify(peakFile)}, String(process.resourceUsage().maxRSS)));\n`,
);

/** Wall time in ms of one run; the process must end well. */
function once(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    ...options,
    env: { ...process.env, ...options.env },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - begun;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const bin = resolve("bin/whetstone.js");
const help: number[] = [];
const bare: number[] = [];
once([bin, "--help"]); // fills the compile cache, as the first run of a user does
for (let run = 0; run < RUNS; run += 1) {
  bare.push(once(["-e", "0"]));
  help.push(once([bin, "--help"]));
}
const rows = [
  [
    "whetstone --help",
    `${median(help).toFixed(0)} ms`,
    "150 ms",
    `${(median(help) / median(bare)).toFixed(2)} × bare Node`,
  ],
];

const clone = join(folder, "clone");
execFileSync("git", ["clone", "--quiet", ".", clone]);
symlinkSync(resolve("node_modules"), join(clone, "node_modules"));
writeFileSync(join(clone, ".git", "info", "exclude"), "node_modules\n");
const session = "replay:examples/notes-server/sessions/good.json";
const loop = once(
  [
    "--max-semi-space-size=4",
    join(clone, "bin", "whetstone.js"),
    "loop",
    "--local",
    "--target",
    "notes",
    "--session",
    session,
  ],
  {
    cwd: clone,
    env: { NODE_OPTIONS: `--import ${probe}` },
  },
);
const peak = Number(readFileSync(peakFile, "utf8")) / 1024;
rows.push(["npm start (the loop on the example)", `${(loop / 1000).toFixed(1)} s`, "60 s", ""]);
rows.push(["peak memory of the loop's process", `${peak.toFixed(0)} MB`, "200 MB", ""]);
if (process.argv.includes("--test")) {
  rows.push(["npm test", `${(once(["scripts/test.ts"]) / 60_000).toFixed(1)} min`, "5 min", ""]);
}
rmSync(folder, { recursive: true });
process.stdout.write(renderTable(["what", "measured", "aim", "beside"], rows));
