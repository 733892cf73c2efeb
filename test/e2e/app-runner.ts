import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openRestHost } from "../../src/github/rest/host.ts";
import { cloneOf } from "../support/github-clone.ts";
import { BOT_LOGIN, OWNER, REPO, TOKEN } from "../support/github.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { whetstone } from "../support/whetstone.ts";
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
  for (const name of ["whetstone", "whetstone-canary", "whetstone-rollback"]) {
    files[`.github/workflows/${name}.yml`] = `# ${name}\non: workflow_dispatch\njobs: {}\n`;
  }
  files["whetstone.yaml"] += `app:\n${app}`;
  return files;
}

/** What stands in for GitHub's runners: does what a workflow that was dispatched would do. */
export type Runner = {
  /** Runs the loop's workflow, as the run that was dispatched, to its end. */
  readonly loop: (runId: number, inputs: Readonly<Record<string, string>>) => Promise<number | null>;
  /** A session of a client with the server behind the proxy that splits traffic: so many calls of `work`. */
  readonly traffic: (calls: number, canary: "good" | "bad") => Promise<void>;
};

/** Runs workflows by act, staged in `staged`, and traffic by the proxy on this machine. */
export function openRunner(world: AppWorld, place: { readonly staged: string; readonly folder: string }): Runner {
  const { github } = world;
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
    traffic: async (calls, canary) => {
      await using clone = await cloneOf(github);
      const good = "node server.mjs";
      const bad = `node -e "${FAILING.replaceAll('"', '\\"')}"`;
      const split = ["--canary-command", canary === "good" ? good : bad, "--weight", "50"];
      const args = ["proxy", "--service", "sample", "--db", world.database, ...split, "--", "node", "server.mjs"];
      const { code, err } = await whetstone(args, { cwd: clone.root, input: clientOf(calls) });
      if (code !== 0) throw new Error(`the proxy ended with ${code}: ${err}`);
    },
  };
}

/** A server whose every tool errs. */
const FAILING =
  "require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.id===undefined)return;" +
  "const r=m.method==='initialize'?{protocolVersion:m.params.protocolVersion,capabilities:{tools:{}},serverInfo:{name:'s',version:'2'}}" +
  ":{content:[{type:'text',text:'no'}],isError:true};console.log(JSON.stringify({jsonrpc:'2.0',id:m.id,result:r}))})";

/** What a client writes that makes so many calls. */
function clientOf(calls: number): string {
  const clientInfo = { name: "e2e", version: "1" };
  const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const messages = [
    { jsonrpc: "2.0", id: 0, method: "initialize", params: hello },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    ...Array.from({ length: calls }, (_, index) => ({
      jsonrpc: "2.0",
      id: index + 1,
      method: "tools/call",
      params: { name: "work", arguments: { n: (index % 6) + 1 } },
    })),
  ];
  return messages.map((message) => `${JSON.stringify(message)}\n`).join("");
}
