import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "@jest/globals";
import { memoryQueue } from "../../../src/app/work/memory.ts";
import { openWorkQueue } from "../../../src/app/work/open.ts";
import type { WorkQueue } from "../../../src/app/work/port.ts";
import { execute, freshDatabase, postgresUrl } from "../../support/postgres.ts";
import { queueContract } from "./contract.ts";

describe("memory", () => queueContract(async () => memoryQueue()));

describe("SQLite", () => {
  const open: WorkQueue[] = [];
  let folder: string | undefined;
  queueContract(async () => {
    folder ??= await mkdtemp(join(tmpdir(), "whetstone-queue-"));
    const queue = await openWorkQueue({ url: join(folder, `${open.length}.db`) });
    open.push(queue);
    return queue;
  });
  afterAll(async () => {
    for (const queue of open) await queue[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });
});

(postgresUrl === undefined ? describe.skip : describe)("PostgreSQL", () => {
  let place: { readonly database: Awaited<ReturnType<typeof freshDatabase>>; readonly queue: WorkQueue } | undefined;
  queueContract(async () => {
    if (place === undefined) {
      const database = await freshDatabase(postgresUrl ?? "");
      place = { database, queue: await openWorkQueue({ url: database.url }) };
    }
    await execute(place.database.url, "TRUNCATE whetstone.app_work RESTART IDENTITY");
    return place.queue;
  });
  afterAll(async () => {
    await place?.queue[Symbol.asyncDispose]();
    await place?.database.drop();
  });
});
