import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloneOf } from "../support/github-clone.ts";
import { OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { dispatch, stageWorkflow } from "./act.ts";
import { startArtifacts } from "./artifacts.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const folder = await mkdtemp(join(tmpdir(), "whetstone-e2e-"));
const project = await sampleProject();
const session = await readFile(await project.session(BETTER_WORK), "utf8");
const files: Record<string, string> = { "sessions/good.json": session };
for (const name of project.git("ls-files").split("\n")) files[name] = await readFile(join(project.root, name), "utf8");
await using github = await startGitHub({ files });
await using clone = await cloneOf(github);
await using artifacts = await startArtifacts(join(folder, "artifacts"), github.backend, { runId: 1, repositoryId: 1 });
const staged = await stageWorkflow(join(folder, "whetstone"), `${OWNER}/${REPO}`);
const { code, log } = await dispatch({
  folder: staged,
  inputs: { mode: "refinement", session: "replay:sessions/good.json" },
  token: TOKEN,
  env: {
    E2E_CLONE: clone.root,
    E2E_SHA: github.base,
    E2E_CONTROL: artifacts.url,
    GITHUB_API_URL: github.baseUrl,
    GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
    GITHUB_RUN_ID: "1",
  },
  onLine: say,
});
say(`exit ${code}, ${log.length} characters`);
say(JSON.stringify(await github.backend.files("whetstone/state"), undefined, 2).slice(0, 3000));
await project.remove();
await rm(folder, { recursive: true, force: true });
