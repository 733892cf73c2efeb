import { describe, expect, jest, test } from "@jest/globals";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { startChild } from "./child.ts";
import { documentContract, writeOf } from "./document-contract.ts";
import { temporaryPaths } from "./folder.ts";
import { inDatabase, inFiles, inMemory } from "./harness.ts";
import { span } from "./spans.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;
const path = temporaryPaths();

// Several processes start on however few cores there are.
jest.setTimeout(120_000);

/** Rounds in which every process tries to write the next version. */
const ROUNDS = 20;

/** Two processes write `ROUNDS` versions in turns that nobody arranges; each version has one author. */
async function expectOneWinnerEach(url: string): Promise<void> {
  const children = ["left", "right"].map((name) => startChild("put.ts", [url, name, String(ROUNDS)]));
  for (const child of children) await child.printed(1);
  for (const child of children) child.tell("go");
  for (const child of children) await child.ended;
  const lines = children.flatMap((child) => child.lines.filter((line) => line !== "ready"));
  const won = lines.filter((line) => line.startsWith("won ")).map((line) => Number(line.slice(4)));
  expect(won.toSorted((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, n) => n + 1));
  expect(lines.filter((line) => !/^(won|lost) \d+$/.test(line))).toEqual([]);
}

describe("documents in memory", () => documentContract(inMemory, 100));

describe("documents in SQLite", () => {
  documentContract(inFiles, 30);

  test("of two processes that write one version one wins", async () => {
    const url = path();
    await expectOneWinnerEach(url);
    await using store = await openSqliteStore({ path: url });
    expect(await store.documents.history("spec", "shared")).toHaveLength(ROUNDS);
  });

  test("live beside spans, outlive the connection and are refused to a reader", async () => {
    const file = path();
    {
      await using store = await openSqliteStore({ path: file });
      await Promise.all([store.append([span()]), store.documents.put(writeOf()), store.append([span()])]);
    }
    await using reader = await openSqliteStore({ path: file, readOnly: true });
    expect(await reader.documents.get("spec", "notes")).toMatchObject({ version: 1, body: "a: 1" });
    await expect(reader.documents.put(writeOf({ after: 1 }))).rejects.toMatchObject({ code: "store_write_failed" });
  });
});

onServer("documents in PostgreSQL", () => {
  documentContract(() => inDatabase(postgresUrl ?? ""), 20);

  test("of two processes that write one version one wins", async () => {
    const { url, drop } = await freshDatabase(postgresUrl ?? "");
    await expectOneWinnerEach(url);
    {
      await using store = await openPostgresStore({ url });
      expect(await store.documents.history("spec", "shared")).toHaveLength(ROUNDS);
    }
    await drop();
  });
});
