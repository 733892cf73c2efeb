import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../support/git-repository.ts";
import { cloneOf } from "../support/github-clone.ts";
import { openRestHost } from "../../src/github/rest/host.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { CommitSha } from "../../src/model/json.ts";
import { formatPullSession } from "../../src/model/pull-change.ts";
import { claudeForTests, DUMMY_KEY } from "../support/claude.ts";
import { startMessagesApi } from "../support/messages-api.ts";
import { dispatch, stageWorkflow } from "./act.ts";
import { startArtifacts } from "./artifacts.ts";
import { BETTER_SESSION, liveExpectations, type LiveStories } from "./live.ts";
import { permitRefinement } from "./permission.ts";
import { edited, type Edited, pullExpectations } from "./pull.ts";
import { expectations, standing, type Standing } from "./standing.ts";

/**
 * `npm run e2e:github`: the shipped workflow from dispatch to recorded outcome, run by act on this machine against a
 * counterpart of GitHub: a change that holds becomes a pull request, the same once more changes nothing of it, a change
 * that does not hold is rejected and recorded, a stranger starts nothing, and a session of the real Claude Code on a scripted
 * API goes the whole way, once; a pull request into which somebody pushed is proved as it is. Exit code 1 when anything is not as it should be; `--verbose` shows all
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

/** What differs between the stories. */
type Story = {
  readonly session: string;
  readonly actor?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
};

/** Dispatches the workflow as run `id` and tells what stands on GitHub afterwards. */
async function story(id: number, { session, actor = "ada", inputs, env, secrets }: Story): Promise<Standing> {
  github.backend.runs.set(id, { id, run_attempt: 1, head_sha: github.base });
  const { id: repositoryId } = await hosted.repository.facts();
  await using artifacts = await startArtifacts(join(folder, `artifacts-${id}`), github.backend, {
    runId: id,
    repositoryId,
  });
  const begun = performance.now();
  const { code, log, cpuSeconds } = await dispatch({
    folder: staged,
    actor,
    inputs: { mode: "refinement", session, ...inputs },
    token: TOKEN,
    ...(secrets ? { secrets } : {}),
    env: {
      E2E_CLONE: clone.root,
      E2E_SHA: github.base,
      E2E_CONTROL: artifacts.url,
      GITHUB_API_URL: github.baseUrl,
      GITHUB_REPOSITORY: `${OWNER}/${REPO}`,
      GITHUB_RUN_ID: String(id),
      GITHUB_RUN_ATTEMPT: "1",
      ...env,
    },
    onLine: (line) => (verbose ? say(line) : undefined),
  });
  say(`run ${id} (${session}): act ended with ${code} after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  say(`  process time of all its jobs, servers, checks and checkouts: ${cpuSeconds.toFixed(1)} s`);
  return { code, log, cpuSeconds, ...(await standing(github)) };
}

const good = "replay:sessions/good.json";
const first = await story(1, { session: good });
const again = await story(2, { session: good });
const rejected = await story(3, { session: "replay:sessions/wrong.json" });
const stranger = await story(4, { session: good, actor: "somebody-else" });
const people = await pullStory();
const asked = await liveStories();
const results = [
  ...expectations({ first, again, rejected, stranger }),
  ...(asked === undefined ? [] : liveExpectations({ before: people.proved, ...asked })),
  ...pullExpectations(stranger, people.proved, people.edit),
  { what: "every request is one that GitHub describes", holds: github.violations.length === 0 },
];
for (const { what, holds } of results) say(`${holds ? "ok    " : "FAILED"} ${what}`);
const failed = results.filter(({ holds }) => !holds);
if (failed.length > 0) {
  for (const { log, code } of [
    first,
    again,
    rejected,
    stranger,
    people.proved,
    ...(asked ? [asked.live, asked.spent] : []),
  ])
    if (!verbose) say(`--- exit ${code}\n${log.slice(-6_000)}`);
  for (const violation of github.violations) say(violation);
}
/** Somebody pushes into the pull request of the first run, and the App is asked to have it proved. */
async function pullStory(): Promise<{ readonly proved: Standing; readonly edit: Edited }> {
  const [pull] = first.pulls;
  if (pull === undefined) throw new Error("the first run left no pull request");
  const edit = await edited(github, pull, 7);
  github.backend.people.permissions.set("ada", "write");
  const session = formatPullSession(edit);
  return { proved: await story(7, { session, actor: BOT_LOGIN, inputs: { "dry-run": "true" } }), edit };
}

/** A session of the real Claude Code on a scripted API, and one more with the permission that it used up. */
async function liveStories(): Promise<Omit<LiveStories, "before"> | undefined> {
  const cli = await claudeForTests();
  if (cli === undefined) return undefined;
  await using api = await startMessagesApi({ key: DUMMY_KEY, script: BETTER_SESSION });
  const permitted = { person: "ada", target: "sample", baseSha: CommitSha.parse(github.base) };
  const authorization = await permitRefinement(github, folder, permitted);
  const asking = {
    session: "claude",
    inputs: { authorization, "budget-usd": "1.5", question: "What repeats?" },
    secrets: { ANTHROPIC_API_KEY: DUMMY_KEY },
    env: { ANTHROPIC_BASE_URL: api.url, WHETSTONE_CLAUDE: cli.path },
  };
  // Its proposal is for the operation of the first run's, which is decided on before.
  await github.backend.people.as("ada")("PATCH", `pulls/${first.pulls[0]?.number ?? 0}`, { state: "closed" });
  const live = await story(5, asking);
  const spent = await story(6, asking);
  return { live, spent, faults: api.faults, left: api.left(), token: authorization };
}

say(`e2e: ${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
