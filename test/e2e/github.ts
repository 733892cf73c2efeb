import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../support/git-repository.ts";
import { cloneOf } from "../support/github-clone.ts";
import { openRestHost } from "../../src/github/rest/host.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { dispatch, stageWorkflow } from "./act.ts";
import { startArtifacts } from "./artifacts.ts";
import { expectations, standing, type Standing } from "./standing.ts";

/**
 * `npm run e2e:github`: the shipped workflow from dispatch to recorded outcome, run by act on this machine against a
 * counterpart of GitHub: a change that holds becomes a pull request, the same once more changes nothing of it, a change
 * that does not hold is rejected and recorded. Exit code 1 when anything is not as it should be; `--verbose` shows all
 * that act says.
 */
const verbose = process.argv.includes("--verbose");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

await using temporary = await temporaryFolder();
const folder = temporary.path;
const project = await sampleProject();
const files: Record<string, string> = {};
for (const name of project.git("ls-files").split("\n")) files[name] = await readFile(join(project.root, name), "utf8");
files["sessions/good.json"] = await readFile(await project.session(BETTER_WORK), "utf8");
// It halves a loop and answers something else: the replay of recorded calls finds that out.
const wrong = BETTER_WORK.replace("% 7", "% 5");
files["sessions/wrong.json"] = await readFile(await project.session(wrong, { id: "s-wrong" }), "utf8");
await project.remove();
await using github = await startGitHub({ files });
await using clone = await cloneOf(github);
const hosted = openRestHost({ owner: OWNER, repo: REPO, client: github.client(), self: BOT_LOGIN });
const staged = await stageWorkflow(join(folder, "whetstone"), `${OWNER}/${REPO}`);

/** Dispatches the workflow as run `id` and tells what stands on GitHub afterwards. */
async function story(id: number, session: string, actor = "ada"): Promise<Standing> {
  github.backend.runs.set(id, { id, run_attempt: 1, head_sha: github.base });
  const { id: repositoryId } = await hosted.repository.facts();
  await using artifacts = await startArtifacts(join(folder, `artifacts-${id}`), github.backend, {
    runId: id,
    repositoryId,
  });
  const begun = performance.now();
  const { code, log } = await dispatch({
    folder: staged,
    actor,
    inputs: { mode: "refinement", session: `replay:sessions/${session}.json` },
    token: TOKEN,
    env: {
      E2E_CLONE: clone.root,
      E2E_SHA: github.base,
      E2E_CONTROL: artifacts.url,
      GITHUB_API_URL: github.baseUrl,
      GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
      GITHUB_RUN_ID: String(id),
      GITHUB_RUN_ATTEMPT: "1",
    },
    onLine: (line) => (verbose ? say(line) : undefined),
  });
  say(`run ${id} (${session}): act ended with ${code} after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  return { code, log, ...(await standing(github)) };
}

const first = await story(1, "good");
const again = await story(2, "good");
const rejected = await story(3, "wrong");
const stranger = await story(4, "good", "somebody-else");
const results = [
  ...expectations({ first, again, rejected, stranger }),
  { what: "every request is one that GitHub describes", holds: github.violations.length === 0 },
];
for (const { what, holds } of results) say(`${holds ? "ok    " : "FAILED"} ${what}`);
const failed = results.filter(({ holds }) => !holds);
if (failed.length > 0) {
  for (const { log, code } of [first, again, rejected, stranger])
    if (!verbose) say(`--- exit ${code}\n${log.slice(-6_000)}`);
  for (const violation of github.violations) say(violation);
}
say(`e2e: ${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
