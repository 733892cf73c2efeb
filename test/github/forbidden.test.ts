import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, test } from "@jest/globals";
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
