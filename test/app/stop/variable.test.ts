import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import { createClients } from "../../../src/app/clients.ts";
import { performWork } from "../../../src/app/perform.ts";
import type { Place } from "../../../src/app/place.ts";
import { HANDLERS } from "../../../src/app/handlers.ts";
import { type KnownInstalled, readInstalled, rememberInstalled } from "../../../src/app/stop/installed.ts";
import {
  lookAtVariables,
  MOST_LOOKS,
  turnOf,
  type VariableParts,
  watchVariables,
} from "../../../src/app/stop/variable-watch.ts";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import { WhetstoneError } from "../../../src/model/error.ts";
import { readLedger } from "../../../src/protect/ledger.ts";
import { openProbot, loadProbot } from "../../../src/app/probot.ts";
import { createLog } from "../../../src/app/log.ts";
import { manualClock } from "../../../src/model/time.ts";
import fc from "../../support/fast-check.ts";
import { type Counterpart, startCounterpart } from "../counterpart.ts";
import { claimed, LEASE, NOW } from "../work/works.ts";
import { installedApp, LOOP } from "./app.ts";

nock.restore();

const app = installedApp();
let counterpart: Counterpart;
beforeAll(async () => {
  counterpart = await startCounterpart({ app, files: { ".github/workflows/whetstone.yml": LOOP } });
});
afterEach(() => counterpart.github.bend(undefined));
afterAll(async () => {
  expect(counterpart.github.violations).toEqual([]);
  await counterpart[Symbol.asyncDispose]();
});

/** The App's own clients on the counterpart: tokens are made, and permissions enforced, as on GitHub. */
async function clientsOf() {
  const { appToken } = await openProbot(
    await loadProbot(),
    {
      appId: app.appId,
      privateKey: { reveal: () => app.privateKey },
      webhookSecret: { reveal: () => app.webhookSecret },
      baseUrl: counterpart.github.baseUrl,
    },
    createLog({ write: () => undefined, clock: manualClock(), json: true }),
  );
  return createClients({
    appId: app.appId,
    appToken,
    baseUrl: counterpart.github.baseUrl,
    now: () => Date.now(),
    note: () => undefined,
    onCall: () => undefined,
    pace: { paced: false, secondMs: 1 },
  });
}

async function watching(installed?: KnownInstalled) {
  const clients = await clientsOf();
  const queue = memoryQueue();
  const lines: string[] = [];
  let woken = 0;
  const log = { info: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
  const known =
    installed ??
    rememberInstalled(
      () => readInstalled(clients),
      () => NOW,
    );
  const parts = { clients, queue, installed: known, now: () => NOW, onWork: () => (woken += 1), log };
  return { parts, queue, lines, woken: () => woken };
}

const lookAt = async (parts: VariableParts & { readonly installed: KnownInstalled }, look: number): Promise<void> =>
  await lookAtVariables(parts, await parts.installed(30_000), look);

describe("the variable", () => {
  test("is found where the App is installed, with one request, and stops everything in the App's name, once", async () => {
    const { backend, requests } = counterpart.github;
    const { parts, queue, lines, woken } = await watching();
    await lookAt(parts, 0);
    expect([await queue.claim(NOW, LEASE), woken()]).toEqual([undefined, 0]);
    backend.variables.set("WHETSTONE_STOP", "paused by ops\u202e @ada");
    const before = requests.length;
    await lookAt(parts, 1);
    expect(requests.slice(before).filter((one) => one.includes("variables"))).toEqual([
      "GET actions/variables/WHETSTONE_STOP",
    ]);
    const work = await claimed(queue);
    expect([work.event, work.key.startsWith("octo-org/notes/stop/"), woken()]).toEqual(["task.stop-asked", true, 1]);
    await lookAt(parts, 2);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    expect(lines).toEqual(["octo-org/notes: WHETSTONE_STOP was set; everything is stopped there"]);

    const { repository, clock, lines: said } = counterpart;
    const perform = {
      handlers: HANDLERS,
      queue,
      open: async () => repository,
      onInstallation: async () => undefined,
      clock,
      log: () => undefined,
      onScheduled: () => undefined,
    };
    expect(await performWork(perform, work)).toEqual({ kind: "done" });
    expect([...backend.actions.disabled]).toEqual(["whetstone.yml"]);
    const { records } = await readLedger(await repository.state.view());
    const [stopped] = records.filter(({ operation }) => operation === "stop");
    expect(stopped?.actor).toEqual({ type: "bot", id: "whetstone[bot]" });
    const issues = (await backend.ask("GET", "issues")).data as { body: string }[];
    expect(issues[0]?.body).toContain("paused by ops");
    expect(issues[0]?.body).not.toMatch(/\u202e|@ada/);
    expect(said).toEqual([]);

    // Taken away, nothing goes on by itself; set once more, it is another stop.
    backend.variables.delete("WHETSTONE_STOP");
    await lookAt(parts, 3);
    expect((await repository.killSwitch.look()).state.kind).toBe("stopped");
    backend.variables.set("WHETSTONE_STOP", "1");
    backend.variableTimes.set("WHETSTONE_STOP", "2026-11-20T11:00:00Z");
    await lookAt(parts, 4);
    expect((await claimed(queue)).event).toBe("task.stop-asked");
  });

  test.each(["", " ", "0", "false", "No", "off"])("%j stops nothing", async (value) => {
    counterpart.github.backend.variables.set("WHETSTONE_STOP", value);
    const { parts, queue, lines } = await watching();
    await lookAt(parts, 0);
    expect([await queue.claim(NOW, LEASE), lines]).toEqual([undefined, []]);
  });

  test("what cannot be read is said once a look, and keeps no other from being read", async () => {
    counterpart.github.backend.variables.set("WHETSTONE_STOP", "1");
    const place = { installation: 99, id: 1, owner: "octo-org", repo: "notes" };
    const gone = { ...place, id: 2, repo: "gone" };
    const unread = [{ account: "other-org", why: "GitHub answered 403" }];
    const { parts, queue, lines } = await watching(async () => ({ places: [gone, place], unread, at: NOW }));
    const refuse = { when: "before", reply: { status: 403, body: { message: "no" } } } as const;
    counterpart.github.bend((request) => (request.includes("/gone/") ? refuse : undefined));
    await lookAt(parts, 0);
    expect((await claimed(queue)).event).toBe("task.stop-asked");
    expect(lines).toEqual([
      "octo-org/notes: WHETSTONE_STOP was set; everything is stopped there",
      "WHETSTONE_STOP could not be read (2); that is tried again. First: other-org: GitHub answered 403",
    ]);
  });
});

describe("the watch", () => {
  test("looks at once and again after every pause, also after a look that failed, until it is told to end", async () => {
    const over = new AbortController();
    let asked = 0;
    const { parts, lines } = await watching(async () => {
      asked += 1;
      if (asked === 1) throw new WhetstoneError("api_failed", "GitHub is down.");
      return { places: [], unread: [], at: NOW };
    });
    const pauses: number[] = [];
    const pause = async (ms: number): Promise<void> => {
      pauses.push(ms);
      if (pauses.length === 3) over.abort();
    };
    await watchVariables({ ...parts, pause }, over.signal);
    expect([asked, pauses]).toEqual([3, [60_000, 60_000, 60_000]]);
    expect(lines).toEqual(["WHETSTONE_STOP could not be looked at; that is tried again."]);
  });

  const many = (count: number): readonly Place[] =>
    Array.from({ length: count }, (_, id) => ({ installation: 1, id, owner: "o", repo: `r-${id}` }));

  /** Watches for so many looks, none of which reaches a repository; how many it asked for, and how old lists might be. */
  async function watch(looks: number, list: (ask: number) => readonly Place[]) {
    const over = new AbortController();
    const [asked, ages]: [number[], number[]] = [[], []];
    const { parts } = await watching(async (maxAgeMs) => {
      ages.push(maxAgeMs);
      asked.push(0);
      return { places: list(asked.length), unread: [], at: NOW };
    });
    const reader = async (): Promise<undefined> => void (asked[asked.length - 1] = (asked.at(-1) ?? 0) + 1);
    const pause = async (): Promise<void> => (asked.length === looks ? over.abort() : undefined);
    await watchVariables({ ...parts, clients: { ...parts.clients, reader }, pause }, over.signal);
    return { asked, ages };
  }

  test("asks for all repositories at the first look that finds out which there are", async () => {
    const { asked } = await watch(3, (ask) => {
      if (ask === 1) throw new WhetstoneError("api_failed", "GitHub is down.");
      return many(3 * MOST_LOOKS);
    });
    expect(asked).toEqual([0, 3 * MOST_LOOKS, MOST_LOOKS]);
  });

  test("does not list thousands of repositories every minute, which alone would use up what GitHub grants", async () => {
    const { ages } = await watch(3, (ask) => (ask === 1 ? many(10_000) : many(100)));
    expect(ages).toEqual([30_000, 600_000, 30_000]);
  });

  test("asks for few repositories of one installation at a time, and for every one in turn", () => {
    const places = (count: number): readonly Place[] =>
      Array.from({ length: count }, (_, id) => ({ installation: 1, id, owner: "o", repo: `r-${id}` }));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 1_000 }), (count, first) => {
        const looks = Math.ceil(count / MOST_LOOKS) + 1;
        const turns = Array.from({ length: looks }, (_, n) => turnOf(places(count), first + n));
        for (const turn of turns) expect(turn.length).toBeLessThanOrEqual(MOST_LOOKS);
        expect(new Set(turns.flatMap((turn) => turn.map(({ id }) => id))).size).toBe(count);
        expect(turnOf(places(count), 0)).toHaveLength(count);
      }),
    );
  });
});

describe("where the App is installed", () => {
  test("is listed as the App sees it; suspended installations and archived repositories are not", async () => {
    const clients = await clientsOf();
    const { places, unread } = await readInstalled(clients);
    expect([places.map(({ owner, repo, installation }) => [owner, repo, installation]), unread]).toEqual([
      [["octo-org", "notes", 99]],
      [],
    ]);
    const repositories = [
      { id: 5, name: "old", owner: { login: "octo-org" }, archived: true },
      { id: 6, name: "Zeta", owner: { login: "octo-org" } },
      { id: 7, name: "alpha", owner: { login: "octo-org" } },
    ];
    const answer = { when: "before", reply: { status: 200, body: { total_count: 3, repositories } } } as const;
    counterpart.github.bend((request) => (request.includes("/installation/repositories") ? answer : undefined));
    expect((await readInstalled(await clientsOf())).places.map(({ repo }) => repo)).toEqual(["alpha", "Zeta"]);
    const suspended = [{ id: 99, account: { login: "octo-org" }, suspended_at: "2026-11-20T00:00:00Z" }];
    const none = { when: "before", reply: { status: 200, body: suspended } } as const;
    counterpart.github.bend((request) => (request.includes("/app/installations") ? none : undefined));
    expect(await readInstalled(await clientsOf())).toEqual({ places: [], unread: [] });
  });

  test("an account that cannot be listed is named, the others are listed", async () => {
    const two = [
      { id: 98, account: { login: "other" } },
      { id: 99, account: { login: "octo-org" } },
    ];
    const listed = { when: "before", reply: { status: 200, body: two } } as const;
    const refused = { when: "before", reply: { status: 422, body: { message: "not granted" } } } as const;
    counterpart.github.bend((request) => {
      if (request === "GET /app/installations") return listed;
      return request.includes("/98/access_tokens") ? refused : undefined;
    });
    const { places, unread } = await readInstalled(await clientsOf());
    expect(places.map(({ repo }) => repo)).toEqual(["notes"]);
    expect(unread).toEqual([{ account: "other", why: expect.stringContaining("not granted") }]);
  });

  test("is remembered for as long as it was asked for, and asked for once by many", async () => {
    let [asked, time] = [0, NOW];
    const known = rememberInstalled(
      async () => {
        asked += 1;
        return { places: [], unread: [] };
      },
      () => time,
    );
    await Promise.all([known(60_000), known(0), known(60_000)]);
    time += 59_999;
    await known(60_000);
    expect(asked).toBe(1);
    time += 1;
    await known(60_000);
    expect(asked).toBe(2);
    time -= 3_600_000; // a clock that was ahead and was set right
    await known(60_000);
    expect(asked).toBe(3);
  });
});
