import { join } from "node:path";
import { temporaryFolder } from "../support/git-repository.ts";
import { OWNER, REPO } from "../support/github.ts";
import { stageWorkflow } from "./act.ts";
import { openRunner, projectFiles } from "./app-runner.ts";
import { badCanary, goodChange, stopAndResume } from "./app-stories.ts";
import { appWorld } from "./app-world.ts";
import type { Expectation } from "./standing.ts";

/**
 * `npm run e2e:app`: the App as `whetstone serve` runs it, against a counterpart of GitHub that sends it signed webhooks;
 * workflows are run by act on this machine, traffic by the proxy. Exit code 1 when anything is not as it should be.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const app = (approval: "canary" | "nothing"): string => `  approval: { starts: ${approval} }
  gate: { windowMinutes: 0, minimumCalls: 40, lookSeconds: 1 }
learning: { heldAfterDays: 0.0021 }
`;
const STORIES = [
  { name: "a good change", story: goodChange, starts: "canary" },
  { name: "a bad canary", story: badCanary, starts: "nothing" },
  { name: "a stop in the middle", story: stopAndResume, starts: "canary" },
] as const;

const PERMISSIONS = {
  actions: "write",
  actions_variables: "read",
  checks: "write",
  contents: "write",
  deployments: "write",
  environments: "read",
  issues: "write",
  metadata: "read",
  pull_requests: "write",
  variables: "read",
};
const EVENTS = [
  "issue_comment",
  "pull_request",
  "pull_request_review",
  "deployment_protection_rule",
  "check_run",
  "workflow_run",
];

await using temporary = await temporaryFolder();
const staged = await stageWorkflow(join(temporary.path, "whetstone"), `${OWNER}/${REPO}`);
const results: Expectation[] = [];
for (const { name, story, starts } of STORIES.filter((one) => one.name.includes(process.argv[2] ?? ""))) {
  say(`\n${name}`);
  await using world = await appWorld({
    files: await projectFiles(app(starts)),
    permissions: PERMISSIONS,
    events: EVENTS,
  });
  await world.start();
  await using runner = openRunner(world, { staged, folder: join(temporary.path, name) });
  const limit = setTimeout(() => {
    say(`the story does not end\n${world.log().slice(-8_000)}`);
    for (const request of world.github.requests.slice(-40)) say(request);
    process.exit(1);
  }, 900_000);
  const seen = await story({ world, runner, say });
  clearTimeout(limit);
  const described = { what: "every request is one that GitHub describes", holds: world.github.violations.length === 0 };
  for (const { what, holds } of [...seen, described]) say(`${holds ? "ok    " : "FAILED"} ${what}`);
  results.push(...seen, described);
  if ([...seen, described].some(({ holds }) => !holds))
    say(`${world.log().slice(-8_000)}\n${world.github.violations.join("\n")}`);
}
const failed = results.filter(({ holds }) => !holds);
say(`\ne2e: ${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
