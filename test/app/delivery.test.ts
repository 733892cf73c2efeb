import { describe, expect, test } from "@jest/globals";
import type { z } from "zod";
import {
  CheckRunDelivery,
  ClosedDelivery,
  CommentDelivery,
  GateDelivery,
  InstallationDelivery,
  MergeGroupDelivery,
  PullDelivery,
  ReopenedDelivery,
  RunDelivery,
} from "../../src/app/delivery.ts";
import { HANDLERS } from "../../src/app/handlers.ts";
import { INSTALLATION_EVENTS } from "../../src/app/installation.ts";
import { addressOf } from "../../src/app/place.ts";
import { payloadFaults } from "../support/github-openapi.ts";
import { examplesOf, type Payload, payloadOf } from "../support/github-webhooks.ts";

/** What the App reads of which event. */
const READ: readonly (readonly [string, readonly z.ZodType[]])[] = [
  ["issue_comment.created", [CommentDelivery]],
  ["pull_request_review.submitted", [PullDelivery]],
  ["pull_request_review.dismissed", [PullDelivery]],
  ["pull_request_review.edited", [PullDelivery]],
  ["pull_request.opened", [PullDelivery]],
  ["pull_request.synchronize", [PullDelivery]],
  ["pull_request.reopened", [PullDelivery, ReopenedDelivery]],
  ["pull_request.closed", [PullDelivery, ClosedDelivery]],
  ["check_run.requested_action", [CheckRunDelivery]],
  ["check_run.rerequested", [CheckRunDelivery]],
  ["workflow_run.requested", [RunDelivery]],
  ["workflow_run.in_progress", [RunDelivery]],
  ["workflow_run.completed", [RunDelivery]],
  ["deployment_protection_rule.requested", [GateDelivery]],
  ["merge_group.checks_requested", [MergeGroupDelivery]],
  ...INSTALLATION_EVENTS.map((name) => [name, [InstallationDelivery]] as const),
];

/** The payload with one member taken away or made null, for every member down to this depth. */
function* weakened(payload: Payload, depth = 4): Generator<readonly [string, Payload]> {
  for (const [name, value] of Object.entries(payload)) {
    const { [name]: _taken, ...others } = payload;
    yield [name, others];
    yield [`${name}: null`, { ...payload, [name]: null }];
    if (depth <= 1 || typeof value !== "object" || value === null || Array.isArray(value)) continue;
    for (const [path, part] of weakened(value as Payload, depth - 1)) {
      yield [`${name}.${path}`, { ...payload, [name]: part }];
    }
  }
}

const refusedBy = (schemas: readonly z.ZodType[], payload: unknown): readonly string[] =>
  schemas.flatMap((schema) => schema.safeParse(payload).error?.issues ?? []).map(({ path }) => path.join("."));

describe("what is read of GitHub's deliveries", () => {
  test("every event that is heard stands here", () => {
    const heard = [...HANDLERS.flatMap(({ events }) => events), ...INSTALLATION_EVENTS];
    const known = READ.map(([name]) => name);
    expect(new Set(known)).toEqual(new Set(heard.filter((name) => !name.startsWith("task."))));
  });

  test.each(READ)("%s: whatever GitHub's description allows is taken", (name, schemas) => {
    const whole = payloadOf(name);
    expect(refusedBy(schemas, whole)).toEqual([]);
    const allowed = [...weakened(whole)].filter(([, payload]) => payloadFaults(name, payload)?.length === 0);
    expect(allowed.length).toBeGreaterThan(5);
    expect(allowed.filter(([, payload]) => refusedBy(schemas, payload).length > 0).map(([what]) => what)).toEqual([]);
  });

  test.each(READ)("%s: so are GitHub's own examples, which are years old or new", (name, schemas) => {
    for (const example of examplesOf(name)) expect(refusedBy(schemas, example)).toEqual([]);
  });

  test.each(READ.filter(([name]) => !name.startsWith("installation")))("%s: waits within its repository", (name) => {
    const [event = ""] = name.split(".");
    const place = { repository: { id: 7, name: "Notes", owner: { login: "Octo-Org" } }, installation: { id: 99 } };
    const addressed = addressOf(event, payloadOf(name, place));
    expect(addressed).toMatchObject({ name, place: { installation: 99, id: 7, owner: "Octo-Org", repo: "Notes" } });
    expect(addressed.key).toMatch(/^octo-org\/notes(?:$|[#@!])/);
  });

  test("the description tells a payload that GitHub would not send", () => {
    expect(() => payloadOf("issue_comment.created", { comment: { id: "seven" } })).toThrow(/comment\/id must be/);
    expect(() => payloadOf("issue_comment.created", { issue: undefined })).toThrow(/required property 'issue'/);
    expect(payloadFaults("no_such.event", {})).toBeUndefined();
  });
});
