import { expect, test } from "@jest/globals";
import nock from "nock";
import { main } from "../../src/cli/main.ts";
import { parseEnv } from "../../src/config/env.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { OWNER, REPO, startGitHub, TOKEN } from "../support/github.ts";
import { bufferIo } from "./buffer-io.ts";

nock.restore();
const LOOP = "jobs:\n  loop:\n    uses: acme/whetstone/.github/workflows/loop.yml@0123\n";

test("whetstone stop --github stops a repository without a clone, in the name of the token's account", async () => {
  await using folder = await temporaryFolder();
  await using github = await startGitHub({ files: { ".github/workflows/whetstone.yml": LOOP } });
  const stop = async (args: readonly string[], token?: string) => {
    const env = parseEnv({ GITHUB_API_URL: github.baseUrl, ...(token === undefined ? {} : { GITHUB_TOKEN: token }) });
    const buffer = bufferIo({ cwd: folder.path, env });
    const code = await main(["stop", ...args], buffer.io);
    return { code, text: `${buffer.out()}${buffer.err()}` };
  };
  const refused = await stop(["--github", `${OWNER}/${REPO}`]);
  expect(refused).toMatchObject({ code: 2, text: expect.stringContaining("GITHUB_TOKEN") });
  expect((await stop(["--github", "not a name"], TOKEN)).code).toBe(2);
  expect(github.requests).toEqual([]);
  const done = await stop(["--github", `${OWNER}/${REPO}`, "--why", "drill", "--json"], TOKEN);
  expect(done.code).toBe(0);
  expect(JSON.parse(done.text)).toMatchObject({ stopped: true, complete: true, off: ["whetstone.yml"] });
  const state = await github.backend.files("whetstone/state");
  expect(JSON.parse(state["stop.json"] ?? "")).toMatchObject({ why: "drill", by: { id: "github-actions[bot]" } });
  expect(github.violations).toEqual([]);
});
