import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * `npm run lint:workflows`: actionlint and zizmor over every workflow and action, shipped templates included. Both are
 * fetched on first use at pinned versions, by Go and by Python's pip. Exit code 1 for a finding; also when a tool is not
 * to be had, unless `WHETSTONE_OFFLINE=1` says so: then a line names what was not checked.
 */
const ACTIONLINT = "1.7.12";
const ZIZMOR = "1.32.0";
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "whetstone");
const FETCH_MS = 5 * 60_000;

type Tool = { readonly name: string; readonly program: string; readonly args: readonly string[] };

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function runs(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  const { status } = spawnSync(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: FETCH_MS,
    env: { ...process.env, ...env },
  });
  return status === 0;
}

/** The program in the cache, fetched when it is not there; undefined when it cannot be had. */
function fetched(program: string, fetch: () => boolean): string | undefined {
  if (existsSync(program)) return program;
  say(`fetching ${program}`);
  return fetch() && existsSync(program) ? program : undefined;
}

function actionlint(): Tool | undefined {
  const folder = join(CACHE, `actionlint-${ACTIONLINT}`);
  const program = fetched(join(folder, "actionlint"), () =>
    runs("go", ["install", `github.com/rhysd/actionlint/cmd/actionlint@v${ACTIONLINT}`], { GOBIN: folder }),
  );
  return program === undefined ? undefined : { name: "actionlint", program, args: [...workflowFiles()] };
}

/** Our own and those that users copy. */
function workflowFiles(): string[] {
  const folders = [join(".github", "workflows"), "workflows"];
  return folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}

function zizmor(): Tool | undefined {
  const folder = join(CACHE, `zizmor-${ZIZMOR}`);
  const program = fetched(join(folder, "bin", "zizmor"), () =>
    runs("python3", ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, `zizmor==${ZIZMOR}`]),
  );
  const args = ["--pedantic", "--offline", "--quiet", ".github", "action.yml", "actions", "workflows"];
  return program === undefined ? undefined : { name: "zizmor", program, args };
}

function check(name: string, tool: Tool | undefined): boolean {
  if (tool === undefined) {
    const allowed = process.env["WHETSTONE_OFFLINE"] === "1" && process.env["CI"] === undefined;
    say(
      `${name}: not to be had, workflows were ${allowed ? "not checked by it (WHETSTONE_OFFLINE=1)" : "NOT CHECKED"}`,
    );
    return allowed;
  }
  const { status } = spawnSync(tool.program, tool.args, { stdio: "inherit" });
  say(`${name}: ${status === 0 ? "ok" : "FAILED"}`);
  return status === 0;
}

const ok = [check("actionlint", actionlint()), check("zizmor", zizmor())].every(Boolean);
process.exitCode = ok ? 0 : 1;
