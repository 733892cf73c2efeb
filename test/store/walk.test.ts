import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";
import type { SpanFilter, TracePage, TraceSummary } from "../../src/store/port.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import type { PageRequest } from "../../src/store/queries/search.ts";
import { POSTGRES, SQLITE, type Query } from "../../src/store/queries/sql.ts";
import { searchSteps, type SearchEffort } from "../../src/store/queries/walk.ts";
import { selectAll } from "../../src/store/sqlite-query.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { temporaryPaths } from "./folder.ts";
import { naiveTraces } from "./naive.ts";
import { filterFor, span, spanId, spanSet, traceId } from "./spans.ts";

const path = temporaryPaths();

type Rows = readonly Record<string, unknown>[];
type Run = (query: Query) => Promise<Rows>;
type Asked = { readonly filter: SpanFilter; readonly dialect: typeof SQLITE; readonly effort: SearchEffort };

async function pageOf({ filter, dialect, effort }: Asked, page: PageRequest, run: Run): Promise<TracePage> {
  const steps = searchSteps({ filter, page, dialect }, effort);
  let step = steps.next();
  while (!step.done) step = steps.next(await run(step.value));
  return step.value;
}

/** All pages of a search that may spend little. */
async function walked(asked: Asked, limit: number, run: Run) {
  const traces: TraceSummary[] = [];
  const totals: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(asked, { limit, ...(cursor === undefined ? {} : { cursor }) }, run);
    traces.push(...page.traces);
    if (page.total !== undefined) totals.push(page.total);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { traces, totals };
}

const asked = spanSet.chain((spans) =>
  fc.record({
    spans: fc.constant(spans),
    // The last one is met by every span, so that there are many pages.
    filters: fc.array(filterFor(spans), { minLength: 5, maxLength: 5 }).map((some) => [...some, { minDurationNs: 0 }]),
    limit: fc.integer({ min: 1, max: 3 }),
    effort: fc.record({
      candidates: fc.constantFrom(0, 0, 3),
      stretch: fc.integer({ min: 1, max: 3 }),
      longest: fc.integer({ min: 3, max: 4 }),
    }),
  }),
);

describe("a search that walks, in SQLite", () => {
  test("finds what a naive filter finds, and states a total only when it is right", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async ({ spans, filters, limit, effort }) => {
        const file = path();
        await using store = await openSqliteStore({ path: file });
        await store.append(spans);
        using db = new DatabaseSync(file);
        for (const filter of filters) {
          const expected = naiveTraces(spans, filter);
          const found = await walked({ filter, dialect: SQLITE, effort }, limit, async (query) => selectAll(db, query));
          expect(found.traces).toEqual(expected);
          for (const total of found.totals) expect(total).toBe(expected.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  const many = Array.from({ length: 7_000 }, (_, n) =>
    span({
      traceId: traceId(Math.floor(n / 2)),
      spanId: spanId(n),
      startNs: BigInt(n),
      durationNs: n % 100,
      status: n % 50 === 0 ? "error" : "ok",
      service: n === 20 ? "rare" : "common",
    }),
  );

  test("beyond what is counted: pages as full as asked for, no total but where it is cheap", async () => {
    await using store = await openSqliteStore({ path: path() });
    await store.append(many);
    expect(await store.search({ service: "rare" }, { limit: 5 })).toMatchObject({ total: 1 });
    expect(await store.search({}, { limit: 5 })).toMatchObject({ total: 3_500 });
    const dense = await store.search({ service: "common" }, { limit: 5 });
    expect(dense.traces).toEqual(naiveTraces(many).slice(0, 5));
    expect(dense.total).toBeUndefined();
    const all = naiveTraces(many, { service: "common", status: "error" });
    const first = await store.search({ service: "common", status: "error" }, { limit: 100 });
    const second = await store.search(
      { service: "common", status: "error" },
      { limit: 100, cursor: first.nextCursor ?? "" },
    );
    expect([...first.traces, ...second.traces]).toEqual(all);
    expect([second.nextCursor, second.total]).toEqual([undefined, undefined]);
    expect(await store.search({ status: "error" }, { limit: 1_000 })).toMatchObject({ total: 140 });
  });

  test("that takes long leaves the event loop and writers their turns", async () => {
    await using store = await openSqliteStore({ path: path() });
    const long = Array.from({ length: 30_000 }, (_, n) => span({ traceId: traceId(n), startNs: BigInt(n) }));
    await store.append(long);
    const order: string[] = [];
    const search = store.search({ attributes: { no: "such" } }, { limit: 5 }).then(() => order.push("found"));
    const turn = new Promise<void>((done) => setImmediate(done)).then(() => order.push("turn"));
    await turn;
    expect(await store.append([span({ traceId: traceId(40_000) })])).toMatchObject({ stored: 1 });
    order.push("written");
    await search;
    expect(order).toEqual(["turn", "written", "found"]);
  });

  test("looks at few traces where matches are dense, and at those with errors only for errors", async () => {
    const file = path();
    await using store = await openSqliteStore({ path: file });
    await store.append(many);
    using db = new DatabaseSync(file);
    const queries: string[] = [];
    const effort = { candidates: 0, stretch: 100, longest: 100 };
    const run = async (query: Query): Promise<Rows> => {
      queries.push(query.sql);
      return selectAll(db, query);
    };
    await pageOf({ filter: { service: "common" }, dialect: SQLITE, effort }, { limit: 20 }, run);
    expect(queries).toHaveLength(2);
    await pageOf({ filter: { status: "error" }, dialect: SQLITE, effort }, { limit: 20 }, run);
    expect(queries).toHaveLength(4);
  });
});

const onServer = postgresUrl === undefined ? describe.skip : describe;

onServer("a search that walks, in PostgreSQL", () => {
  let url = "";
  let drop = async (): Promise<void> => undefined;
  beforeAll(async () => {
    ({ url, drop } = await freshDatabase(postgresUrl ?? ""));
  });
  afterAll(() => drop());

  test("finds what a naive filter finds, and states a total only when it is right", async () => {
    await using store = await openPostgresStore({ url });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const run: Run = async ({ sql, params }) => (await client.query(sql, [...params])).rows as Rows;
    try {
      await fc.assert(
        fc.asyncProperty(asked, async ({ spans, filters, limit, effort }) => {
          await client.query("TRUNCATE whetstone.spans, whetstone.traces, whetstone.rollups");
          await store.append(spans);
          for (const filter of filters) {
            const expected = naiveTraces(spans, filter);
            const found = await walked({ filter, dialect: POSTGRES, effort }, limit, run);
            expect(found.traces).toEqual(expected);
            for (const total of found.totals) expect(total).toBe(expected.length);
          }
        }),
        { numRuns: 20 },
      );
    } finally {
      await client.end();
    }
  });
});
