import { createRequire } from "node:module";
import { describe, expect, test } from "@jest/globals";
import { addressOf, opened, placeName, sealed } from "../../src/app/place.ts";
import fc from "../support/fast-check.ts";

type Example = { readonly action?: string; readonly repository?: { readonly owner?: unknown } };
const EXAMPLES = createRequire(import.meta.url)("@octokit/webhooks-examples/api.github.com/index.json") as readonly {
  readonly name: string;
  readonly examples: readonly Example[];
}[];

const repository = { id: 7, name: "Notes", owner: { login: "Octo-Org" } };
const installation = { id: 99 };
const place = { installation: 99, id: 7, owner: "Octo-Org", repo: "Notes" };

describe("addressOf", () => {
  test.each([
    ["issue_comment", { action: "created", issue: { number: 12 } }, "issue_comment.created", "octo-org/notes#12"],
    ["pull_request", { action: "closed", pull_request: { number: 3 } }, "pull_request.closed", "octo-org/notes#3"],
    [
      "check_run",
      { action: "rerequested", check_run: { head_sha: "abc", pull_requests: [{ number: 4 }] } },
      "check_run.rerequested",
      "octo-org/notes#4",
    ],
    [
      "check_run",
      { action: "created", check_run: { head_sha: "abc", pull_requests: [] } },
      "check_run.created",
      "octo-org/notes!abc",
    ],
    [
      "deployment_protection_rule",
      { action: "requested", environment: "Production" },
      "deployment_protection_rule.requested",
      "octo-org/notes@production",
    ],
    ["push", { ref: "refs/heads/main" }, "push", "octo-org/notes"],
  ] as const)("%s", (event, payload, ...[name, key]) => {
    expect(addressOf(event, { ...payload, repository, installation })).toEqual({ name, key, place });
  });

  test("what has no repository or installation has no place", () => {
    const created = { action: "created", installation };
    expect(addressOf("installation", created)).toEqual({
      name: "installation.created",
      key: ":installation/99",
      place: undefined,
    });
    expect(addressOf("push", { repository })).toMatchObject({ key: "octo-org/notes", place: undefined });
    for (const odd of [[], { action: 7 }, { repository: "x" }]) {
      expect(addressOf("ping", odd)).toEqual({ name: "ping", key: ":event/ping", place: undefined });
    }
    expect(addressOf("ping", {})).toEqual({ name: "ping", key: ":event/ping", place: undefined });
  });

  test("GitHub's own examples all have an address; those of a repository wait within it", () => {
    let seen = 0;
    for (const { name: event, examples } of EXAMPLES) {
      for (const payload of examples) {
        const { name, key } = addressOf(event, payload);
        expect(name).toBe(payload.action === undefined ? event : `${event}.${payload.action}`);
        if (payload.repository?.owner !== undefined) expect(key).toMatch(/^[^/]+\/[^/#@!]+(?:[#@!]|$)/);
        seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(200);
  });
});

describe("envelopes", () => {
  test("are opened as they were sealed, whatever they hold", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ minLength: 1 }), (payload, name) => {
        const sent = JSON.stringify(sealed({ name, place, payload }));
        expect(JSON.stringify(opened(JSON.parse(sent)))).toBe(JSON.stringify({ name, place, payload }));
      }),
    );
  });

  test("a delivery is none", () => {
    for (const payload of [{ repository, installation }, [], null, { whetstone: 2, name: "x", place, payload: 1 }]) {
      expect(opened(payload)).toBeUndefined();
    }
  });

  test("names of places are the same in either case", () => {
    expect(placeName(place)).toBe("octo-org/notes");
  });
});
