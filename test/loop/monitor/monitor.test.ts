import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../../src/config/env.ts";
import { monitor, type MonitorRequest } from "../../../src/loop/monitor/monitor.ts";
import type { Span } from "../../../src/model/span.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { repeat, toolCall } from "../../analyze/population.ts";
import { cloneOf } from "../../support/github-clone.ts";
import { BOT_LOGIN, OWNER, REPO, startGitHub, TOKEN, type GitHub } from "../../support/github.ts";

const SECOND = 1_000_000_000n;
const CONFIG = `version: 1
targets:
  notes: { command: node server.mjs, source: ["src/**"], workload: w.json }
  mail: { command: node server.mjs, source: ["src/**"], workload: w.json }
`;

/** 120 calls of `notes` before, 120 after, one a second. */
const before = repeat(120, (i) => toolCall("search", 50 + (i % 7)));
const slower = repeat(120, (i) => toolCall("search", 150 + (i % 7)), 120);
const start = before[0]?.startNs ?? 0n;
const WINDOW = { sinceNs: start + 120n * SECOND, untilNs: start + 240n * SECOND };
const BASELINE = { sinceNs: start, untilNs: start + 120n * SECOND };

describe("a look at the targets", () => {
  let github: GitHub;
  let root = "";
  let clone: Awaited<ReturnType<typeof cloneOf>>;
  beforeAll(async () => {
    github = await startGitHub({ files: { "whetstone.yaml": CONFIG } });
    clone = await cloneOf(github);
    root = clone.root;
  });
  afterAll(async () => {
    await clone[Symbol.asyncDispose]();
    await github[Symbol.asyncDispose]();
  });

  async function store(name: string, spans: readonly Span[]): Promise<string> {
    const path = join(root, name);
    await using opened = await openSqliteStore({ path });
    await opened.append(spans);
    return path;
  }

  const look = (db: string, more: Partial<MonitorRequest> = {}) => {
    const { places, ...rest } = more;
    return monitor({
      places: { cwd: root, config: join(root, "whetstone.yaml"), db, ...places },
      env: parseEnv({ PATH: process.env["PATH"] }),
      actor: { type: "workflow", id: "run 1" },
      window: WINDOW,
      baseline: BASELINE,
      url: "https://github.test/octo-org/notes/actions/runs/7",
      dryRun: false,
      least: "major",
      expectTraffic: true,
      ...rest,
    });
  };

  test("tells what became worse than the baseline, and of a target that nobody called", async () => {
    const [notes, mail] = await look(await store("slower.db", [...before, ...slower]));
    expect(notes?.alerts.map(({ reason }) => reason)).toEqual(["latency_regressed", "latency_regressed"]);
    expect(notes).toMatchObject({ target: "notes", regressions: { verdict: "fail" }, evidence: { traces: 120 } });
    expect(mail).toMatchObject({ target: "mail", alerts: [{ reason: "evidence_insufficient" }] });
    expect(mail?.notes).toEqual(["Nothing was compared: the baseline holds no trace."]);
    expect(notes?.issue).toBeUndefined();
  });

  test("is quiet when nothing changed, and compares with nothing where it is told so", async () => {
    const same = repeat(120, (i) => toolCall("search", 50 + (i % 7)), 120);
    const db = await store("same.db", [...before, ...same]);
    const [quiet] = await look(db, { target: "notes" });
    expect([quiet?.alerts, quiet?.regressions?.baseline.traces]).toEqual([[], 120]);
    const [alone] = await look(db, { target: "notes", baseline: undefined });
    expect(alone?.regressions).toBeUndefined();
  });

  test("keeps the issue of the target on GitHub and writes nothing else there", async () => {
    const db = await store("told.db", [...before, ...slower]);
    const place = {
      owner: OWNER,
      repo: REPO,
      baseUrl: github.baseUrl,
      self: BOT_LOGIN,
      token: { reveal: () => TOKEN },
    };
    const places = { cwd: root, config: join(root, "whetstone.yaml"), db, github: place };
    const [told] = await look(db, { target: "notes", places });
    expect(told?.issue).toMatchObject({ action: "opened", number: expect.any(Number) });
    // A window without traffic where none is expected proves nothing: the issue stays.
    const later = { sinceNs: WINDOW.untilNs, untilNs: WINDOW.untilNs + SECOND };
    const [silent] = await look(db, { target: "notes", places, window: later, expectTraffic: false });
    expect([silent?.alerts, silent?.issue]).toEqual([[], undefined]);
    const [dry] = await look(db, { target: "notes", places, dryRun: true });
    expect([dry?.alerts.length, dry?.issue]).toEqual([told?.alerts.length, undefined]);
    expect(github.requests.filter((request) => !request.startsWith("GET"))).toEqual(["POST issues"]);
    expect(github.violations).toEqual([]);
  });

  test("no store is no quiet server", async () => {
    await expect(look(join(root, "none.db"))).rejects.toMatchObject({
      code: "not_found",
      remedy: expect.stringContaining("DATABASE_URL"),
    });
  });

  test("an unknown target is refused", async () => {
    await expect(look(await store("empty.db", []), { target: "noted" })).rejects.toMatchObject({
      code: "target_unknown",
    });
  });
});
