import { readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { openGitHubClient } from "../../src/github/client.ts";
import { assertNotForbidden } from "../../src/github/forbidden.ts";

type Operations = Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>;

/** `METHOD /path` of GitHub's own description by the name of the operation. */
function operations(): ReadonlyMap<string, string> {
  const file = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Operations };
  return new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { operationId }]) => [operationId ?? "", `${method.toUpperCase()} ${path}`] as const,
      ),
    ),
  );
}

describe("what Whetstone never does", () => {
  const named = operations();

  test.each([
    "pulls/merge",
    "pulls/create-review",
    "pulls/submit-review",
    "pulls/update-review",
    "pulls/dismiss-review",
    "pulls/update-branch",
    "repos/merge",
    "repos/merge-upstream",
    "actions/approve-workflow-run",
    "actions/review-pending-deployments-for-run",
    "repos/update-branch-protection",
    "repos/delete-repo-ruleset",
    "pulls/merge-async",
  ])("%s is refused", (name) => {
    const route = named.get(name) ?? "";
    expect(route).toMatch(/^[A-Z]+ \//);
    expect(() => assertNotForbidden({ route })).toThrow(expect.objectContaining({ code: "defect" }));
  });

  test("no other operation whose name speaks of merging or approving is left out", () => {
    const writing = [...named].filter(([name, route]) => /merge|approv|review/.test(name) && !route.startsWith("GET "));
    const refused = (route: string) => {
      try {
        assertNotForbidden({ route });
        return false;
      } catch {
        return true;
      }
    };
    const allowed = writing.filter(([, route]) => !refused(route)).map(([name]) => name);
    // Asking for reviews, comments of reviews, settings of others, the answer of a gate: none of them merges a change.
    const harmless =
      /request-reviewers|requested-reviewers|remove-requested|comment|permissions|pat-grant|custom-gates/;
    expect(allowed.filter((name) => !harmless.test(name))).toEqual([]);
  });

  test.each([
    "pulls/create",
    "pulls/update",
    "pulls/request-reviewers",
    "git/create-ref",
    "checks/create",
    "pulls/list-reviews",
  ])("%s is not", (name) => {
    expect(() => assertNotForbidden({ route: named.get(name) ?? "none" })).not.toThrow();
  });

  test("however a route is put together, the client does not send it", async () => {
    nock.restore();
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
      response.end("{}");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = openGitHubClient({ baseUrl: `http://127.0.0.1:${port}`, paced: false, secondMs: 0 });
    const attempts: readonly (readonly [string, Record<string, unknown>])[] = [
      ["PUT /repos/a/b/pulls/{pull_number}/{verb}", { pull_number: 1, verb: "merge" }],
      ["PUT /{+path}", { path: "repos/a/b/pulls/1/merge" }],
      ["put /repos/a/b/pulls/1/merge", {}],
      ["PUT /repos/a/b/pulls/1/merge?x=1", {}],
      ["POST /repos/a/b/pulls/1/rev%69ews", {}],
      ["POST /repos/a/b/merges", {}],
    ];
    for (const [route, parameters] of attempts)
      await expect(client.request(route, parameters)).rejects.toThrow(/neither approves nor merges/);
    expect(seen).toEqual([]);
    server.close();
  });

  test("the client sends neither such a request nor such a mutation", async () => {
    const client = openGitHubClient({ baseUrl: "http://127.0.0.1:1", paced: false, secondMs: 0 });
    const merge = client.request("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", {
      owner: "a",
      repo: "b",
      pull_number: 1,
    });
    await expect(merge).rejects.toMatchObject({ code: "defect" });
    for (const mutation of ["mergePullRequest", "addPullRequestReview", "enablePullRequestAutoMerge", "mergeBranch"]) {
      await expect(
        client.graphql(`mutation { ${mutation}(input: {}) { clientMutationId } }`, {}),
      ).rejects.toMatchObject({
        code: "defect",
      });
    }
  });
});
