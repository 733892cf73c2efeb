import { describe, expect, jest, test } from "@jest/globals";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { startChild } from "./child.ts";
import { temporaryPaths } from "./folder.ts";
import { allLogs } from "./log-contract.ts";
import { allPoints } from "./metric-contract.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;
const path = temporaryPaths();

// Several processes start on however few cores there are.
jest.setTimeout(120_000);

const BATCHES = 15;

async function expectAllOnce(store: Store, stored: { points: number; records: number }): Promise<void> {
  const places = 20 * (BATCHES - 1) + 40;
  expect(stored).toEqual({ points: places, records: places });
  const values = (await allPoints(store.metrics)).map(({ value }) => (value.kind === "number" ? value.value : -1));
  expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: places }, (_, n) => n));
  const { records } = await allLogs(store.logs, {}, 1_000);
  expect(new Set(records.map(({ body }) => body)).size).toBe(places);
  expect(records).toHaveLength(places);
}

/** Three processes write the same batches at once. */
async function writeTogether(url: string): Promise<{ points: number; records: number }> {
  const children = [0, 1, 2].map(() => startChild("append-signals.ts", [url, String(BATCHES)]));
  for (const child of children) await child.printed(1);
  for (const child of children) child.tell("go");
  for (const child of children) await child.ended;
  const counts = children.map(({ lines }) => JSON.parse(lines.at(-1) ?? "{}") as { points: number; records: number });
  return counts.reduce((a, b) => ({ points: a.points + b.points, records: a.records + b.records }));
}

describe("several processes that write the same metrics and logs at once", () => {
  test("store each point and each record once, in SQLite", async () => {
    const url = path();
    const stored = await writeTogether(url);
    await using store = await openStore({ url });
    await expectAllOnce(store, stored);
  });

  onServer("in PostgreSQL", () => {
    test("store each point and each record once", async () => {
      const { url, drop } = await freshDatabase(postgresUrl ?? "");
      const stored = await writeTogether(url);
      {
        await using store = await openStore({ url });
        await expectAllOnce(store, stored);
      }
      await drop();
    });
  });
});
