import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { join } from "node:path";
import type { z } from "zod";
import { main } from "../../src/cli/main.ts";
import { OperationsJson, ServicesJson } from "../../src/dashboard/operation-json.ts";
import { TraceJson, TracePageJson } from "../../src/model/trace-json.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { bufferIo } from "../cli/buffer-io.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { runningApi, type RunningApi } from "./running.ts";

// Requests go to a server of this machine, which nock would take part in.
nock.restore();

const MINUTE = 60_000_000_000n;
const T0 = 1_700_000_000_000_000_000n - 30n * MINUTE;

/** Three traces, the newest with an error and a child of another service. */
const SPANS = [
  span({ traceId: traceId(0), startNs: T0, durationNs: 2_000_000, attributes: { "gen_ai.tool.name": "search" } }),
  span({ traceId: traceId(1), startNs: T0 + MINUTE, durationNs: 30_000_000, service: "files", name: "read" }),
  span({ traceId: traceId(2), startNs: T0 + 2n * MINUTE, status: "error", attributes: { "error.type": "timeout" } }),
  span({
    traceId: traceId(2),
    spanId: spanId(5),
    parentSpanId: spanId(0),
    kind: "client",
    name: "query",
    service: "db",
    startNs: T0 + 2n * MINUTE + 1n,
    events: [{ name: "retry", timeNs: T0, attributes: { n: 1 } }],
  }),
];

async function body<Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> {
  expect({ status: response.status, type: response.headers.get("content-type") }).toEqual({
    status: 200,
    type: "application/json",
  });
  const read: unknown = await response.json();
  expect(schema.parse(read)).toEqual(read); // nothing beside what the schema says
  return read as z.output<Schema>;
}

async function onSqlite(work: (store: Store, path: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "store.db");
  await using store = await openSqliteStore({ path });
  await store.append(SPANS);
  await work(store, path);
}

async function printed(...args: string[]): Promise<unknown> {
  const { io, out } = bufferIo();
  expect(await main(args, io)).toBe(0);
  return JSON.parse(out());
}

const ids = ({ traces }: TracePageJson) => traces.map((one) => one.traceId);

/** What the routes answer on any store. */
async function answers(running: RunningApi): Promise<void> {
  const key = await running.key();
  const search = async (query: string) => body(await running.get(`/traces?${query}`, key), TracePageJson);
  expect(ids(await search(""))).toEqual([2, 1, 0].map(traceId));
  expect(ids(await search("status=error"))).toEqual([traceId(2)]);
  expect(ids(await search("service=files&operation=read&minDuration=30ms&maxDuration=1s"))).toEqual([traceId(1)]);
  expect(ids(await search("attr=gen_ai.tool.name%3Dsearch&attr=service.name%3Dnotes"))).toEqual([traceId(0)]);
  expect(ids(await search("since=-1770s"))).toEqual([2, 1].map(traceId));
  const first = await search("limit=2");
  expect(first).toMatchObject({ returned: 2, nextCursor: expect.any(String) });
  expect(ids(await search(`limit=2&cursor=${first.nextCursor ?? ""}`))).toEqual([traceId(0)]);

  const trace = await body(await running.get(`/traces/${traceId(2).toUpperCase()}`, key), TraceJson);
  expect(trace.spans.map((one) => [one.service, one.status, one.parentSpanId])).toEqual([
    ["notes", "error", null],
    ["db", "unset", spanId(0)],
  ]);

  const operations = await body(await running.get("/operations", key), OperationsJson);
  expect(operations).toMatchObject({ total: 3, returned: 3 });
  expect(operations.operations.map(({ service, calls, errors }) => [service, calls, errors])).toEqual([
    ["db", 1, 0],
    ["files", 1, 0],
    ["notes", 2, 1],
  ]);
  expect(operations.operations[2]).toMatchObject({ errorRate: 0.5, errorTypes: [{ errorType: "timeout", count: 1 }] });
  const none = await body(await running.get("/operations?since=-5m&until=-4m", key), OperationsJson);
  expect(none.operations).toEqual([]);
  const services = await body(await running.get("/services?limit=2", key), ServicesJson);
  expect(services).toMatchObject({ total: 3, returned: 2 });
  const rest = await body(await running.get(`/services?limit=2&cursor=${services.nextCursor}`, key), ServicesJson);
  expect(rest).toMatchObject({ services: [{ service: "notes", operations: 1, calls: 2, errors: 1 }], total: 3 });
  expect(rest.nextCursor).toBeUndefined();
}

describe("reading", () => {
  test("on SQLite", () =>
    onSqlite(async (store) => {
      await using running = await runningApi({ store });
      await answers(running);
    }));

  (postgresUrl === undefined ? test.skip : test)("on PostgreSQL", async () => {
    const { url, drop } = await freshDatabase(postgresUrl ?? "");
    {
      await using store = await openPostgresStore({ url });
      await store.append(SPANS);
      await using running = await runningApi({ store });
      await answers(running);
    }
    await drop();
  });

  test("gives the documents that the command line prints", () =>
    onSqlite(async (store, path) => {
      await using running = await runningApi({ store });
      const key = await running.key("security");
      const fetched = async (address: string) => (await running.get(address, key)).json();
      expect(await fetched("/traces?limit=2&status=unset&minDuration=1ms")).toEqual(
        await printed(
          "traces",
          "search",
          "--json",
          "--db",
          path,
          "--limit",
          "2",
          "--status",
          "unset",
          "--min-duration",
          "1ms",
        ),
      );
      expect(await fetched(`/traces/${traceId(2)}`)).toEqual(
        await printed("traces", "show", traceId(2), "--json", "--db", path),
      );
    }));

  test("HEAD has the head of GET and no body", async () => {
    await using running = await runningApi();
    const key = await running.key();
    const [get, head] = [await running.get("/traces", key), await running.get("/traces", key, { method: "HEAD" })];
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(await head.text()).toBe("");
  });
});

describe("a request that asks wrongly", () => {
  test.each([
    ["/traces?limit=0", "limit"],
    ["/traces?limit=1001", "limit"],
    ["/traces?limit=many", "limit"],
    ["/traces?limit=1&limit=2", "limit is given 2 times"],
    ["/traces?cursor=bm90IGEgY3Vyc29y", "cursor"],
    ["/traces?status=bad", "status"],
    ["/traces?minDuration=fast", "fast"],
    ["/traces?since=-1m&until=-2m", "since is not before until"],
    ["/traces?attr=nothing", "attr"],
    [`/traces?${Array.from({ length: 21 }, (_, n) => `attr=k${n}%3Dv`).join("&")}`, "attr"],
    [`/traces?service=${"x".repeat(2_001)}`, "service"],
    ["/traces?min_duration=1ms", 'no parameter "min_duration"'],
    ["/traces?__proto__=1", "__proto__"],
    ["/traces/xyz", "id"],
    [`/traces/${"0".repeat(32)}`, "id"],
    ["/operations?since=tomorrow", "tomorrow"],
    ["/operations?cursor=W10", "cursor"],
    ["/operations?cursor=eyJhIjoxfQ", "cursor"],
    ["/services?service=x", 'no parameter "service"'],
  ])("%.60s gets 400 and what to do", async (path, message) => {
    await using running = await runningApi();
    const response = await running.get(path, await running.key());
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      type: "urn:whetstone:problem:usage",
      status: 400,
      code: "usage",
      detail: expect.stringContaining(message),
      remedy: expect.any(String),
    });
    expect(running.errors).toEqual([]);
  });

  test("names the nearest parameter", async () => {
    await using running = await runningApi();
    const problem: unknown = await (await running.get("/traces?servce=x", await running.key())).json();
    expect(problem).toMatchObject({ remedy: "Did you mean service?" });
  });

  test("a trace that is not there is 404", async () => {
    await using running = await runningApi();
    const response = await running.get(`/traces/${traceId(9)}`, await running.key());
    expect(await response.json()).toMatchObject({ status: 404, code: "not_found" });
  });
});
