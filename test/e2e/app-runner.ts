import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { openRestHost } from "../../src/github/rest/host.ts";
import type { TestRepository } from "../support/git-repository.ts";
import { cloneOf } from "../support/github-clone.ts";
import { BOT_LOGIN, OWNER, REPO, TOKEN } from "../support/github.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { dispatch } from "./act.ts";
import { type AppWorld } from "./app-world.ts";
import { startArtifacts } from "./artifacts.ts";

/** Files of a project with a server that wastes time, recorded sessions that mend it, and the workflows of the App. */
export async function projectFiles(app: string): Promise<Readonly<Record<string, string>>> {
  const project = await sampleProject();
  const files: Record<string, string> = {};
  for (const name of project.git("ls-files").split("\n")) {
    files[name] = await readFile(join(project.root, name), "utf8");
  }
  files["sessions/good.json"] = await readFile(await project.session(BETTER_WORK), "utf8");
  await project.remove();
  // Slow beyond what a busy machine adds to a fast call, and judged after few calls.
  for (const name of ["src/work.mjs", "sessions/good.json"]) {
    files[name] = files[name]?.replaceAll("REPEAT = 400;", "REPEAT = 1600;") ?? "";
  }
  const limits = "margin: 3\n      maxErrorRate: 0.1\n      maxSlowRate: 0.2";
  files["whetstone.yaml"] = files["whetstone.yaml"]?.replace("margin: 3", limits) ?? "";
  for (const name of ["whetstone", "whetstone-canary", "whetstone-rollback"]) {
    const uses = "whetstone/whetstone/.github/workflows/loop.yml@0000000000000000000000000000000000000000";
    files[`.github/workflows/${name}.yml`] = `on: workflow_dispatch\njobs:\n  ${name}:\n    uses: ${uses}\n`;
  }
  files["whetstone.yaml"] += `app:\n${app}`;
  return files;
}

/** Calls of one session. */
const CALLS = 60;

/** What stands in for GitHub's runners: does what a workflow that was dispatched would do. */
export type Runner = AsyncDisposable & {
  /** Runs the loop's workflow, as the run that was dispatched, to its end. */
  readonly loop: (runId: number, inputs: Readonly<Record<string, string>>) => Promise<number | null>;
  /** A session of a client with the server behind the proxy that splits traffic: {@link CALLS} calls of `work`. */
  readonly traffic: (split: Split) => Promise<void>;
};

/** What the canary is (the version of a branch, or a server whose tools all fail), and its share in percent. */
export type Split = { readonly canary: { readonly branch: string } | "failing"; readonly weight: number };

/** Runs workflows by act, staged in `staged`, and traffic by the proxy on this machine. */
export function openRunner(world: AppWorld, place: { readonly staged: string; readonly folder: string }): Runner {
  const { github } = world;
  // One clone of a branch, as it is when it is first asked for: the counterpart limits requests as GitHub does.
  const made = new Map<string, Promise<TestRepository>>();
  const clones = (branch: string): Promise<TestRepository> => {
    const clone = made.get(branch) ?? cloneOf(github, branch);
    made.set(branch, clone);
    return clone;
  };
  const hosted = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
  return {
    loop: async (runId, inputs) => {
      await using clone = await cloneOf(github);
      const facts = { id: runId, run_attempt: 1, head_sha: github.base };
      github.backend.runs.set(runId, { ...github.backend.runs.get(runId), ...facts, status: "in_progress" });
      const { id: repositoryId } = await hosted.repository.facts();
      await using artifacts = await startArtifacts(join(place.folder, `artifacts-${runId}`), github.backend, {
        runId,
        repositoryId,
      });
      const { code, log } = await dispatch({
        folder: place.staged,
        actor: "ada",
        inputs,
        token: TOKEN,
        env: {
          E2E_CLONE: clone.root,
          E2E_SHA: github.base,
          E2E_CONTROL: artifacts.url,
          GITHUB_API_URL: github.baseUrl,
          GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
          GITHUB_RUN_ID: String(runId),
          GITHUB_RUN_ATTEMPT: "1",
        },
        onLine: () => undefined,
      });
      if (code !== 0) process.stdout.write(`${log.slice(-4_000)}\n`);
      const conclusion = code === 0 ? "success" : "failure";
      github.backend.actions.setRun(runId, { status: "completed", conclusion });
      return code;
    },
    traffic: async ({ canary, weight }) => {
      const clone = await clones("main");
      const candidate = canary === "failing" ? undefined : await clones(canary.branch);
      const failing = `node -e "${FAILING.replaceAll('"', '\\"')}"`;
      const command = candidate === undefined ? failing : `node ${join(candidate.root, "server.mjs")}`;
      const split = ["--canary-command", command, "--weight", String(weight)];
      const args = ["proxy", "--service", "sample", "--db", world.database, ...split, "--", "node", "server.mjs"];
      const client = new Client({ name: "e2e", version: "1" });
      const bin = resolve("bin/whetstone.js");
      await client.connect(
        new StdioClientTransport({
          command: process.execPath,
          args: [bin, ...args],
          cwd: clone.root,
          stderr: "ignore",
        }),
      );
      // One after the other, as a model does: what waits for other calls says nothing about the server.
      for (let call = 0; call < CALLS; call += 1) {
        await client.callTool({ name: "work", arguments: { n: (call % 6) + 1 } });
      }
      await client.close();
    },
    [Symbol.asyncDispose]: async () => {
      for (const clone of made.values()) await (await clone)[Symbol.asyncDispose]();
    },
  };
}

/** A server whose every tool errs. */
const FAILING =
  "require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.id===undefined)return;" +
  "const r=m.method==='initialize'?{protocolVersion:m.params.protocolVersion,capabilities:{tools:{}},serverInfo:{name:'s',version:'2'}}" +
  ":{content:[{type:'text',text:'no'}],isError:true};console.log(JSON.stringify({jsonrpc:'2.0',id:m.id,result:r}))})";
