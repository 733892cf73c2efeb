import { z } from "zod";
import { readLedger } from "../../src/protect/ledger.ts";
import { openRestState } from "../../src/github/rest-state.ts";
import { OWNER, REPO } from "../support/github.ts";
import type { AppWorld } from "./app-world.ts";
import type { Runner, Split } from "./app-runner.ts";
import { type Expectation, standing } from "./standing.ts";

/** What a story is told with. */
export type Stage = { readonly world: AppWorld; readonly runner: Runner; readonly say: (line: string) => void };

const Numbered = z.object({ number: z.number() });
const Comments = z.array(z.object({ id: z.number(), body: z.string(), user: z.object({ login: z.string() }) }));
const Merged = z.object({ sha: z.string() });
const CANARY = "whetstone-canary.yml";
const ENVIRONMENT = "production";
/** Sessions of clients with the version before the change. */
const SESSIONS_BEFORE = 3;
/** Most sessions of clients with the new version after it was promoted. */
const SESSIONS_AFTER = 900;
/** What the log of the server says of a promoted change that was looked at. */
const LOOKED = /p-[0-9a-f]+: (held|faded|unknown)\./;

const is = (what: string, holds: boolean): Expectation => ({ what, holds });

/** Comments of the App in a conversation. */
async function answers({ world: { github } }: Stage, number: number): Promise<readonly string[]> {
  const { data } = await github.backend.ask("GET", `issues/${number}/comments?per_page=100`);
  return Comments.parse(data)
    .filter(({ user }) => user.login === "whetstone[bot]")
    .map(({ body }) => body);
}

/** Outcomes of proposals on the state branch, oldest first. */
export async function outcomes({ world: { github } }: Stage): Promise<readonly string[]> {
  const { state } = await standing(github);
  return Object.entries(state)
    .filter(([path]) => path.startsWith("outcomes/"))
    .map(([, text]) => z.object({ at: z.string(), status: z.string() }).parse(JSON.parse(text)))
    .toSorted((a, b) => a.at.localeCompare(b.at))
    .map(({ status }) => status);
}

/** Operations of the ledger, oldest first. */
export async function ledger({ world: { github } }: Stage): Promise<readonly string[]> {
  const state = openRestState({ owner: OWNER, repo: REPO, octokit: github.client(), now: () => 0n });
  return (await readLedger(await state.view())).records.map(({ operation, result }) => `${operation} ${result}`);
}

/** A person asks for a change by comment, the workflow runs, a pull request stands there. */
export async function proposed(stage: Stage): Promise<{ readonly pull: number; readonly seen: Expectation[] }> {
  const { world, runner, say } = stage;
  const { github } = world;
  const ada = world.person("ada");
  const issue = Numbered.parse(await ada.ask("POST", "issues", { title: "work is slow" })).number;
  const asked = await ada.comment(issue, "/whetstone refine sample session=replay:sessions/good.json");
  await github.until(() => github.backend.actions.dispatched.some(({ file }) => file === "whetstone.yml"));
  const run = github.backend.actions.dispatched.find(({ file }) => file === "whetstone.yml");
  say(`asked by comment: the workflow was dispatched as run ${run?.id}`);
  const code = await runner.loop(run?.id ?? 0, run?.inputs ?? {});
  const { pulls } = await standing(github);
  const pull = pulls[0]?.number ?? 0;
  say(`the workflow ended with ${code}: pull request #${pull}`);
  return {
    pull,
    seen: [
      is("the comment is seen: 👀", github.backend.people.reactions.includes(`${asked} eyes`)),
      is("the workflow is dispatched once", github.backend.actions.dispatched.length === 1),
      is("it leaves a pull request", code === 0 && pulls.length === 1),
      is("and one comment of the App", (await answers(stage, issue)).length === 1),
    ],
  };
}

/** The run of the canary workflow that the App started. */
export async function canaryRun({ world: { github } }: Stage): Promise<number> {
  const { actions } = github.backend;
  await github.until(() => actions.dispatched.some(({ file }) => file === CANARY));
  const run = actions.dispatched.findLast(({ file }) => file === CANARY);
  const { sha = "", pull = "" } = run?.inputs ?? {};
  // What the workflow's `run-name` makes of its inputs.
  actions.setRun(run?.id ?? 0, { display_title: `Canary ${sha} of pull request ${pull}` });
  return run?.id ?? 0;
}

/** A job of a run comes to the environment and waits; GitHub asks the App. */
export async function comesToTheGate({ world: { github } }: Stage, run: number): Promise<void> {
  github.backend.actions.wait(run, ENVIRONMENT);
  await github.hooks?.send("deployment_protection_rule", {
    action: "requested",
    environment: ENVIRONMENT,
    event: "workflow_dispatch",
    deployment_callback_url: `${github.baseUrl}/repos/${OWNER}/${REPO}/actions/runs/${run}/deployment_protection_rule`,
    repository: { id: 1, name: REPO, full_name: `${OWNER}/${REPO}`, owner: { login: OWNER } },
    sender: { login: "github-actions[bot]", type: "Bot" },
  });
}

/** Reports and decisions about a run. */
export function gateOf({ world: { github } }: Stage, run: number) {
  const all = github.backend.actions.gate.filter((answer) => answer.run === run);
  return {
    reports: all.filter(({ state }) => state === undefined),
    decisions: all.filter(({ state }) => state !== undefined),
  };
}

/** Sessions of clients, one after the other, until the gate has decided. */
export async function trafficUntilDecided(stage: Stage, run: number, split: Split): Promise<void> {
  const MOST_SESSIONS = 60;
  for (let session = 0; session < MOST_SESSIONS; session += 1) {
    if (gateOf(stage, run).decisions.length > 0) return;
    await stage.runner.traffic(split);
  }
}

/** A person marks a draft as ready, which has no call of REST, and merges it; the commit that came of it. */
async function merged({ world }: Stage, pull: number): Promise<string> {
  await world.github.backend.people.as("ada")("PATCH", `pulls/${pull}`, { draft: false });
  return Merged.parse(await world.person("ada").ask("PUT", `pulls/${pull}/merge`, { merge_method: "merge" })).sha;
}

/** A good change: asked for, proposed, approved by a person, watched at the gate, let through, merged, held. */
export async function goodChange(stage: Stage): Promise<readonly Expectation[]> {
  const { world, runner, say } = stage;
  const { github } = world;
  // What the version before the change did, a minute and more before the promotion.
  for (let session = 0; session < SESSIONS_BEFORE; session += 1) {
    await runner.traffic({ canary: "failing", weight: 0 });
  }
  const { pull, seen } = await proposed(stage);
  await world.person("grace").ask("POST", `pulls/${pull}/reviews`, { event: "APPROVE", body: "The numbers convince." });
  const run = await canaryRun(stage);
  await comesToTheGate(stage, run);
  await github.until(() => gateOf(stage, run).reports.length > 0);
  const early = gateOf(stage, run);
  say(`approved by a person: the canary is started as run ${run}; the gate waits and reports`);
  const branch = (await standing(github)).pulls[0]?.head.ref ?? "";
  await trafficUntilDecided(stage, run, { canary: { branch }, weight: 40 });
  await github.until(() => gateOf(stage, run).decisions.length > 0);
  const [decision] = gateOf(stage, run).decisions;
  say(`the gate decided: ${decision?.state}`);
  await github.until(async () => (await outcomes(stage)).includes("promoted"));
  await merged(stage, pull);
  await github.until(async () => (await outcomes(stage)).includes("merged"));
  say("merged by a person; all traffic goes to the new version, until the change counts as held");
  for (let session = 0; session < SESSIONS_AFTER && !LOOKED.test(world.log()); session += 1) {
    await runner.traffic({ canary: { branch }, weight: 100 });
  }
  const [, found] = LOOKED.exec(world.log()) ?? [];
  say(`looked at after its time: ${found}`);
  // The log is written before the record.
  if (found !== "unknown") await github.until(async () => (await outcomes(stage)).includes(found ?? ""));
  return [
    ...seen,
    is("nothing passes without telemetry", early.decisions.length === 0),
    is("the gate reports while it waits", early.reports.length > 0),
    is("and lets the canary pass on what was measured", decision?.state === "approved"),
    is("once", gateOf(stage, run).decisions.length === 1),
    is("the merge is an outcome on record", (await outcomes(stage)).includes("merged")),
    is("what was promoted is looked at after its time, and its effect is still there", found === "held"),
    is("which is an outcome on record", (await outcomes(stage)).includes("held")),
  ];
}

/** A change that does harm once it is merged: rejected at the gate, taken back by a pull request. */
export async function badCanary(stage: Stage): Promise<readonly Expectation[]> {
  const { world, say } = stage;
  const { github } = world;
  const { pull, seen } = await proposed(stage);
  const sha = await merged(stage, pull);
  await github.until(async () => (await outcomes(stage)).includes("merged"));
  const run = 7_001;
  const facts = { run_attempt: 1, path: ".github/workflows/deploy.yml", event: "push", display_title: "deploy" };
  github.backend.actions.setRun(run, { id: run, ...facts, head_sha: sha, head_branch: "main", conclusion: null });
  say(`merged by a person; the deployment of ${sha.slice(0, 12)} comes to the gate`);
  await comesToTheGate(stage, run);
  await trafficUntilDecided(stage, run, { canary: "failing", weight: 50 });
  await github.until(() => gateOf(stage, run).decisions.length > 0);
  const [decision] = gateOf(stage, run).decisions;
  say(`the gate decided: ${decision?.state}`);
  await github.until(async () => (await standing(github)).pulls.length === 2);
  const { pulls } = await standing(github);
  const back = pulls.find(({ number }) => number !== pull);
  await github.until(async () => (await outcomes(stage)).includes("rolled_back"));
  const reverted = await github.backend.files(back?.head.sha ?? "");
  const before = await github.backend.files(github.base);
  return [
    ...seen,
    is("the deployment is rejected", decision?.state === "rejected"),
    is("with the reason", /errors_increased/.test(decision?.comment ?? "")),
    is("a pull request takes the change back, a draft", back?.draft === true && back.state === "open"),
    is("its files are those from before", reverted["src/work.mjs"] === before["src/work.mjs"]),
    is("the rollback is an outcome on record", (await outcomes(stage)).includes("rolled_back")),
    is("nobody merged it", pulls.filter(({ state }) => state === "open").length === 1),
  ];
}

/** Everything is stopped in the middle of a canary, by a comment, over a crash of the server; an admin lets it go on. */
export async function stopAndResume(stage: Stage): Promise<readonly Expectation[]> {
  const { world, say } = stage;
  const { github } = world;
  const { actions, people } = github.backend;
  people.permissions.set("ada", "write").set("grace", "write").set("mallory", "admin");
  const { pull, seen } = await proposed(stage);
  await world.person("grace").ask("POST", `pulls/${pull}/reviews`, { event: "APPROVE", body: "Good." });
  const run = await canaryRun(stage);
  await comesToTheGate(stage, run);
  await github.until(() => gateOf(stage, run).reports.length > 0);
  await world.kill();
  say("the server was killed while the gate waits");
  const stopping = await world.person("ada").comment(pull, "/whetstone stop the dashboard looks wrong");
  const missed = () => github.hooks?.log.find(({ body }) => body.includes("/whetstone stop the dashboard"));
  await github.until(() => missed() !== undefined);
  const lost = missed();
  await world.start();
  say("and started again: the delivery that it missed is fetched from GitHub's log");
  await github.until(() => gateOf(stage, run).decisions.length > 0 || actions.disabled.size > 0);
  await github.until(() => people.reactions.includes(`${stopping} hooray`));
  const disabled = [...actions.disabled].toSorted();
  say(`stopped: ${disabled.join(", ")} switched off`);
  const ended = github.backend.runs.get(run)?.["status"];
  const refused = await world.person("ada").comment(pull, "/whetstone resume");
  await github.until(() => people.reactions.includes(`${refused} confused`));
  const stillOff = actions.disabled.size;
  const allowed = await world.person("mallory").comment(pull, "/whetstone resume");
  await github.until(() => people.reactions.includes(`${allowed} hooray`));
  say("resumed by an admin");
  return [
    ...seen,
    is("the delivery was lost at first", lost?.statusCode === 0),
    is("the stop switches off the workflows of Whetstone", disabled.includes("whetstone.yml")),
    is("and ends the run that waits", ended === "completed"),
    is(
      "nothing passed the gate",
      gateOf(stage, run).decisions.every(({ state }) => state === "rejected"),
    ),
    is("who is no admin lets nothing go on", stillOff === disabled.length && stillOff > 0),
    is("an admin does, and all that was switched off is on again", actions.disabled.size === 0),
    is(
      "both are on record",
      (await ledger(stage)).some((line) => line.startsWith("stop.lift")),
    ),
  ];
}
