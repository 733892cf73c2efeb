import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { describe, expect, test } from "@jest/globals";
import { HANDLERS } from "../../src/app/handlers.ts";
import { INSTALLATION_EVENTS } from "../../src/app/installation.ts";
import { takeMissed } from "../../src/app/missed.ts";
import { receiveDelivery } from "../../src/app/receive.ts";
import { mayRepeat } from "../../src/app/repeats.ts";
import { memoryQueue } from "../../src/app/work/memory.ts";
import type { GitHubClient } from "../../src/github/rest-api.ts";
import { NOW, workedOff } from "./work/works.ts";

type Example = { readonly name: string; readonly examples: readonly object[] };
const EXAMPLES = createRequire(import.meta.url)(
  "@octokit/webhooks-examples/api.github.com/index.json",
) as readonly Example[];

/** Where an event says when it happened. */
const INSTANTS: Readonly<Record<string, readonly [string, string]>> = {
  issue_comment: ["comment", "created_at"],
  pull_request: ["pull_request", "updated_at"],
  pull_request_review: ["review", "submitted_at"],
  workflow_run: ["workflow_run", "updated_at"],
};

const heard = [...INSTALLATION_EVENTS, ...HANDLERS.flatMap(({ events }) => events)].filter(
  (name) => !name.startsWith("task."),
);

describe("events that are heard", () => {
  test.each([...new Set(heard)])("%s is told apart by its time, or may repeat", (name) => {
    const [event = "", action = ""] = name.split(".");
    const payloads = EXAMPLES.filter((one) => one.name === event).flatMap(({ examples }) => examples);
    const own = payloads.filter((payload) => Reflect.get(payload, "action") === action);
    if (mayRepeat(name)) return expect(INSTANTS[event]).toBeUndefined();
    const [part, field] = INSTANTS[event] ?? ["", ""];
    expect(part).not.toBe("");
    for (const payload of own.length > 0 ? own : payloads) {
      expect(Reflect.get(Object(Reflect.get(payload, part)), field)).toMatch(/^\d{4}-\d\d-\d\dT/);
    }
  });
});

const SECRET = "s";

/** The door, and GitHub with its log of the deliveries that it sent itself. */
function place() {
  const queue = memoryQueue();
  const sent: { readonly guid: string; readonly event: string; readonly body: string }[] = [];
  let doubts = 0;
  const isHeard = (name: string): boolean => heard.includes(name);
  const client: GitHubClient = {
    request: async (_, { delivery_id: id } = {}) => {
      if (id !== undefined) {
        // The order of members is nobody's promise.
        const payload = Object.entries(JSON.parse(sent[Number(id) - 1]?.body ?? "") as object).toReversed();
        return { data: { request: { payload: Object.fromEntries(payload) } } };
      }
      const items = sent.map(({ guid, event, body }, index) => ({
        id: index + 1,
        guid,
        event,
        action: (JSON.parse(body) as { action: string }).action,
        delivered_at: new Date(NOW).toISOString(),
      }));
      return { data: items.toReversed(), headers: {} };
    },
  };
  const signature = (body: string): string => `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
  const arrive = async (event: string, body: string, guid: string): Promise<string> => {
    const headers: Readonly<Record<string, string>> = {
      "x-github-event": event,
      "x-github-delivery": guid,
      "x-hub-signature-256": signature(body),
    };
    const parts = {
      verify: async (text: string, given: string) => signature(text) === given,
      queue,
      isHeard,
      isAwaited: () => false,
      now: () => NOW,
      onDelivery: () => undefined,
      onAdded: () => undefined,
      onDoubt: () => void (doubts += 1),
    };
    return (await receiveDelivery(parts, { header: (name) => headers[name], body })).text;
  };
  return {
    queue,
    doubts: () => doubts,
    /** Anybody who has seen a delivery. */
    replay: arrive,
    /** GitHub, whose delivery does not arrive. */
    lose: (event: string, body: string, guid: string) => void sent.push({ guid, event, body }),
    /** GitHub, which keeps a log. */
    deliver: (event: string, body: string, guid: string) => {
      sent.push({ guid, event, body });
      return arrive(event, body, guid);
    },
    look: () => takeMissed({ client, queue, isHeard, onResent: () => undefined, now: () => NOW }, 0),
  };
}

const PRESS = JSON.stringify({
  action: "requested_action",
  check_run: { id: 4, head_sha: "a".repeat(40), pull_requests: [{ number: 1 }] },
  requested_action: { identifier: "start-canary" },
  repository: { id: 7, name: "notes", owner: { login: "octo-org" } },
  installation: { id: 9 },
});

describe("a captured delivery under a new id", () => {
  test("a button that was pressed once is pressed once, however often it is sent again", async () => {
    const { queue, deliver, replay, look, doubts } = place();
    expect(await deliver("check_run", PRESS, "real")).toBe("added");
    expect(await workedOff(queue)).toBe("real");
    for (const id of ["made-up-1", "made-up-2"]) expect(await replay("check_run", PRESS, id)).toBe("repeated");
    expect(doubts()).toBe(2);
    expect(await look()).toMatchObject({ fetched: 0, repeated: 0 });
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 0, dead: 0 });
  });

  test("a button that a person pressed twice is pressed twice, because GitHub says so", async () => {
    const { queue, deliver, replay, look } = place();
    for (const id of ["first", "second"]) await deliver("check_run", PRESS, id);
    await replay("check_run", PRESS, "made-up");
    expect(await look()).toMatchObject({ fetched: 1 });
    expect(await look()).toMatchObject({ fetched: 0 });
    expect([await workedOff(queue), await workedOff(queue)]).toEqual(["first", "second"]);
    expect(await queue.known(["made-up"])).toEqual(new Set());
  });

  test("what arrived through GitHub's log is not done again when somebody else sends it, and GitHub's own repetition is harmless", async () => {
    const { queue, lose, replay, look } = place();
    const comment = PRESS.replace("requested_action", "created");
    lose("issue_comment", comment, "real");
    expect(await look()).toMatchObject({ fetched: 1 });
    expect(await replay("issue_comment", comment, "real")).toBe("known");
    expect(await replay("issue_comment", comment, "made-up")).toBe("repeated");
    expect(await look()).toMatchObject({ fetched: 0, repeated: 0 });
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 1 });
  });
});
