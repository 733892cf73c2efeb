import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../src/cli/main.ts";
import { workflowsFor } from "../../src/cli/workflow-template.ts";
import { parseEnv } from "../../src/config/env.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { OWNER, REPO, startGitHub, TOKEN, type Answer, type GitHub } from "../support/github.ts";
import { bufferIo } from "./buffer-io.ts";

const workflows = await workflowsFor(`octo-org/whetstone@${"1".repeat(40)}`);
const files = Object.fromEntries(
  [...workflows]
    // What others name, such as environments, is not in the answers below.
    .filter(([name]) => ["whetstone.yml", "whetstone-monitor.yml"].includes(name))
    .map(([name, text]) => [`.github/workflows/${name}`, text]),
);
const ok = (body: unknown): Answer => ({ status: 200, body });
const secrets = (...names: string[]) => ok({ total_count: names.length, secrets: names.map((name) => ({ name })) });

/** Settings that the counterpart does not keep, as GitHub answers them. */
const SETTINGS: Readonly<Record<string, Answer>> = {
  "GET actions/permissions": ok({ enabled: true, allowed_actions: "all" }),
  "GET actions/permissions/workflow": ok({
    default_workflow_permissions: "read",
    can_approve_pull_request_reviews: true,
  }),
  "GET actions/workflows": ok({
    total_count: 1,
    workflows: [...workflows.keys()].map((name) => ({ id: 1, path: `.github/workflows/${name}`, state: "active" })),
  }),
  "GET actions/secrets": secrets("ANTHROPIC_API_KEY"),
  "GET actions/organization-secrets": secrets(),
  "GET actions/variables": ok({ total_count: 1, variables: [{ name: "WHETSTONE_MONITOR", value: "on" }] }),
  "GET environments": ok({
    total_count: 1,
    environments: [
      {
        name: "whetstone-telemetry",
        deployment_branch_policy: { protected_branches: true, custom_branch_policies: false },
      },
    ],
  }),
  "GET environments/whetstone-telemetry/secrets": secrets("WHETSTONE_DATABASE_URL"),
  "GET rules/branches/main": ok([{ type: "pull_request" }]),
  "GET rules/branches/whetstone/state": ok([{ type: "non_fast_forward" }, { type: "deletion" }]),
};

describe("whetstone doctor --github", () => {
  let github: GitHub;
  let repository: Awaited<ReturnType<typeof temporaryRepository>>;
  beforeAll(async () => {
    github = await startGitHub({ files });
    repository = await temporaryRepository();
    await repository.git("remote", "add", "origin", `git@github.com:${OWNER}/${REPO}.git`);
  });
  afterAll(async () => {
    await repository[Symbol.asyncDispose]();
    await github[Symbol.asyncDispose]();
  });

  async function doctor(args: readonly string[], settings: Readonly<Record<string, Answer>> = {}, token = TOKEN) {
    const known = { ...SETTINGS, ...settings };
    github.bend((request) => {
      const reply = known[request];
      return reply === undefined ? undefined : { when: "before", reply };
    });
    const env = { PATH: process.env["PATH"], GITHUB_API_URL: github.baseUrl, GITHUB_TOKEN: token };
    const buffer = bufferIo({ cwd: repository.root, env: parseEnv(env) });
    const code = await main(["doctor", ...args], buffer.io);
    return { code, out: buffer.out(), err: buffer.err() };
  }

  test("finds the repository by its remote and passes when all is set up", async () => {
    const { code, out } = await doctor(["--github"]);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("ok   whetstone/state") });
    expect(out).not.toContain("FAIL");
  });

  test("names each fault with its remedy, as JSON too", async () => {
    const bent = {
      "GET actions/permissions/workflow": ok({
        default_workflow_permissions: "write",
        can_approve_pull_request_reviews: false,
      }),
      "GET rules/branches/main": ok([]),
      "GET actions/secrets": { status: 403, body: { message: "Resource not accessible by personal access token" } },
    };
    const { code, out } = await doctor(["--github", `${OWNER}/${REPO}`, "--json"], bent);
    const { ok: isWell, checks } = JSON.parse(out) as {
      ok: boolean;
      checks: { name: string; ok: boolean; remedy?: string }[];
    };
    expect([code, isWell]).toEqual([1, false]);
    const faults = checks.filter((check) => !check.ok);
    expect(faults.map(({ name }) => name)).toEqual(["job token", "job token", "secrets", "default branch"]);
    for (const { remedy } of faults) expect(remedy).toMatch(/\S/);
  });

  test("a repository that the token does not reach is one fault, not one for each of its settings", async () => {
    const { code, out } = await doctor(["--github", `${OWNER}/not-there`]);
    expect([code, out.match(/^FAIL/gm)?.length]).toEqual([1, 1]);
    expect(out).toMatch(/^FAIL repository on GitHub cannot be seen[^]*Check owner and name/);
  });

  test("writes nothing, and asks only what GitHub describes", () => {
    expect(github.requests.filter((request) => !request.startsWith("GET"))).toEqual([]);
    expect(github.violations).toEqual([]);
  });

  test("without a token nothing is asked", async () => {
    const { code, err } = await doctor(["--github"], {}, "");
    expect([code, err]).toEqual([2, expect.stringContaining("Set GITHUB_TOKEN")]);
  });

  test("what is no repository is refused", async () => {
    const { code, err } = await doctor(["--github", "notes"]);
    expect([code, err]).toEqual([2, expect.stringContaining('"notes" is no repository on GitHub')]);
  });
});
