import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

const VERSION = "0.2.89";
/** The repository that the workflow and its actions are in, as act is told. */
const OWN = "whetstone/whetstone";

const PINNED = [
  "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a",
  "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
];

/** The runner of workflows on this machine, fetched by Go on first use. @throws Error when it cannot be had */
export function actProgram(): string {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "whetstone", `act-${VERSION}`);
  const program = join(cache, "act");
  if (existsSync(program)) return program;
  process.stdout.write(`fetching act ${VERSION}\n`);
  const env = { ...process.env, GOBIN: cache };
  const { status } = spawnSync("go", ["install", `github.com/nektos/act@v${VERSION}`], { stdio: "inherit", env });
  if (status === 0) return program;
  throw new Error("act is not to be had: it needs Go and the Go module proxy");
}

/** A folder that holds the workflow as act can run it, with the built actions beside it. */
export async function stageWorkflow(folder: string, repository: string): Promise<string> {
  const workflow = await readFile(resolve(".github/workflows/loop.yml"), "utf8");
  const file = join(folder, ".github/workflows/loop.yml");
  await mkdir(dirname(file), { recursive: true });
  // act knows neither the repository's own actions by `$` nor what GitHub has had since 2026.
  const known = workflow
    .replace(/uses: \$\/(\S+)/g, `uses: ${OWN}/$1@main`)
    // It would take its own short cut for a checkout.
    .replaceAll(/uses: actions\/checkout@\w+/g, "uses: stand-in/checkout@main")
    .replace(/^ {2}queue: max.*\n/m, "")
    .replace(/^ {4}cache-mode: none\n/gm, "");
  await writeFile(file, known);
  await cp(resolve("actions"), join(folder, "actions"), { recursive: true });
  await cp(resolve("dist/actions"), join(folder, "dist/actions"), { recursive: true });
  for (const name of ["sql", "package.json", "specs"]) await cp(resolve(name), join(folder, name), { recursive: true });
  const git = (...args: string[]) => spawnSync("git", args, { cwd: folder, stdio: "inherit" });
  git("init", "--quiet", "-b", "main");
  git("remote", "add", "origin", `https://github.com/${repository}`);
  git("add", "--all", "--force");
  git("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "commit", "--quiet", "-m", "as built");
  return folder;
}

/** How one run of the workflow is started. */
export type Dispatch = {
  readonly folder: string;
  /** Who dispatches it. */
  readonly actor: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly token: string;
  /** Further secrets of the repository. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
};

/** How it ended: act's exit code, all that it said, and the process time of act and everything that it started. */
export type Dispatched = { readonly code: number | null; readonly log: string; readonly cpuSeconds: number };

/** Runs the workflow to its end, each job in a folder of its own on this machine. */
export function dispatch({ folder, actor, inputs, env, token, secrets = {}, onLine }: Dispatch): Promise<Dispatched> {
  const stand = (action: string) => [
    "--local-repository",
    `${action}=${resolve("test/e2e/stand-ins", /\/([^@]+)/.exec(action)?.[1] ?? "")}`,
  ];
  const flags = `-P ubuntu-24.04=-self-hosted -W .github/workflows/loop.yml --no-cache-server --actor ${actor}`;
  const args = [
    "workflow_dispatch",
    ...flags.split(" "),
    ...["stand-in/checkout@main", ...PINNED].flatMap(stand),
    "--local-repository",
    `${OWN}@main=${folder}`,
    "-s",
    `GITHUB_TOKEN=${token}`,
    ...Object.entries(secrets).flatMap(([name, value]) => ["-s", `${name}=${value}`]),
    ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ...Object.entries(inputs).flatMap(([name, value]) => ["--input", `${name}=${value}`]),
  ];
  // The shell counts what a process and all its descendants used.
  const timed = ["-c", 'TIMEFORMAT="%U %S"; time "$0" "$@" 2>&1', actProgram(), ...args];
  const child = spawn("bash", timed, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let [log, times] = ["", ""];
  const hear = (text: string): void => {
    log += text;
    for (const line of text.split("\n")) if (line !== "") onLine(line);
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (times += text));
  const cpuSeconds = (): number =>
    times
      .trim()
      .split(/\s+/)
      .reduce((sum, text) => sum + Number(text), 0);
  return new Promise((done) => child.once("close", (code) => done({ code, log, cpuSeconds: cpuSeconds() })));
}
