import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { gitText } from "../../src/github/git.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { toolPath } from "../package/staging.ts";

/** A job's workspace: a fresh clone of this repository with its dependencies installed. */
export async function checkOut(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder();
  await gitText({ args: ["clone", "--quiet", resolve("."), join(folder.path, "repo")], cwd: folder.path });
  await symlink(resolve("node_modules"), join(folder.path, "repo/node_modules"));
  return { ...folder, path: join(folder.path, "repo") };
}

/** What a step of a job left. */
export type StepEnd = {
  readonly exitCode: number;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly log: string;
};

/** One step of a job. */
export type Step = {
  /** The action's built file. */
  readonly entry: string;
  readonly workspace: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** Further variables of the job. */
  readonly env?: Readonly<Record<string, string>>;
  /** Cancels the job, as the runner does it, when this appears in the log. */
  readonly cancelAt?: string;
};

/** Runs an action's entry as the runner does: inputs and files by environment, and no git identity on the machine. */
export async function runStep({ entry, workspace, inputs, cancelAt, env: more = {} }: Step): Promise<StepEnd> {
  await using runner = await temporaryFolder();
  const file = (name: string): string => join(runner.path, name);
  await mkdir(file("home"));
  await writeFile(file("event.json"), JSON.stringify({ inputs }));
  for (const name of ["output", "summary", "env", "path", "state"]) await writeFile(file(name), "");
  const env = {
    PATH: toolPath["PATH"],
    HOME: file("home"),
    TMPDIR: runner.path,
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_WORKSPACE: workspace,
    GITHUB_REPOSITORY: "octo/notes",
    GITHUB_ACTOR: "octocat",
    GITHUB_RUN_ID: "17",
    GITHUB_RUN_ATTEMPT: "1",
    GITHUB_RUN_NUMBER: "3",
    GITHUB_EVENT_NAME: "workflow_dispatch",
    GITHUB_SERVER_URL: "https://github.test",
    GITHUB_EVENT_PATH: file("event.json"),
    GITHUB_OUTPUT: file("output"),
    GITHUB_STEP_SUMMARY: file("summary"),
    GITHUB_ENV: file("env"),
    GITHUB_PATH: file("path"),
    GITHUB_STATE: file("state"),
    ...more,
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
  const end = await new Promise<{ exitCode: number; log: string }>((settle) => {
    let seen = "";
    let cancelled = cancelAt === undefined;
    const child = execFile(process.execPath, [entry], { cwd: workspace, env, maxBuffer: 2 ** 26 }, (_error, out, err) =>
      settle({ exitCode: child.exitCode ?? -1, log: out + err }),
    );
    child.stdout?.on("data", (text: string) => {
      seen += text;
      if (!cancelled && seen.includes(cancelAt ?? "")) cancelled = child.kill("SIGINT");
    });
  });
  const outputs = parseOutputs(await readFile(file("output"), "utf8"));
  return { ...end, outputs, summary: await readFile(file("summary"), "utf8") };
}

/** The file format of `GITHUB_OUTPUT`: `name<<mark`, the value, `mark`. */
function parseOutputs(text: string): Record<string, string> {
  const entries = text.matchAll(/^([\w-]+)<<(\S+)\n([^]*?)\n?\2$/gm);
  return Object.fromEntries([...entries].map((match) => [match[1] ?? "", match[3] ?? ""]));
}

const ActionFile = z.object({
  inputs: z.record(z.string(), z.object({ default: z.string().optional() })),
  outputs: z.record(z.string(), z.object({})),
  runs: z.object({ using: z.literal("node24"), main: z.string() }),
});

/** An action as it is at a tag: the folder of its `action.yml`. */
export type Bundle = Pick<Step, "workspace" | "env"> & {
  readonly folder: string;
  readonly with: Readonly<Record<string, string>>;
};

/** Runs an action by its `action.yml`, as the runner does: its `main`, and its defaults for inputs that are not given. */
export async function runBundle({ folder, with: given, ...step }: Bundle): Promise<StepEnd & { declared: string[] }> {
  const { inputs, outputs, runs } = ActionFile.parse(parse(await readFile(join(folder, "action.yml"), "utf8")));
  const preset = Object.entries(inputs).map(([name, input]) => [name, input.default ?? ""]);
  const end = await runStep({
    ...step,
    entry: join(folder, runs.main),
    inputs: { ...Object.fromEntries(preset), ...given },
  });
  return { ...end, declared: Object.keys(outputs) };
}
