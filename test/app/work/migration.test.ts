import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { openWorkQueue } from "../../../src/app/work/open.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { execute, freshDatabase, postgresUrl } from "../../support/postgres.ts";
import { workedOff, workOf } from "./works.ts";

/** A queue with work in it, whose schema is made that of before bodies were remembered. */
async function olderQueue(url: string, age: () => Promise<void>): Promise<void> {
  {
    await using queue = await openWorkQueue({ url });
    for (const id of ["done", "open"]) await queue.add(workOf(id, { digest: id }));
    await workedOff(queue);
  }
  await age();
}

async function holds(url: string): Promise<void> {
  await using queue = await openWorkQueue({ url });
  expect(await queue.known(["done", "open"])).toEqual(new Set(["done", "open"]));
  // Nothing is known of what was delivered before, except its id.
  expect(await queue.add(workOf("done", { digest: "done" }))).toBe("known");
  expect(await queue.add(workOf("new", { digest: "open" }))).toBe("added");
  expect(await queue.add(workOf("again", { digest: "open" }))).toBe("repeated");
  expect([await workedOff(queue), await workedOff(queue)]).toEqual(["open", "new"]);
}

describe("a queue from before bodies were remembered", () => {
  test("in SQLite keeps its work and remembers from now on", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, "queue.db");
    await olderQueue(url, async () => {
      using db = new DatabaseSync(url);
      db.exec("DROP INDEX app_work_digest; ALTER TABLE app_work DROP COLUMN digest; PRAGMA user_version = 6");
    });
    await holds(url);
  });

  (postgresUrl === undefined ? test.skip : test)("in PostgreSQL too", async () => {
    const { url, drop } = await freshDatabase(postgresUrl ?? "");
    await olderQueue(url, () =>
      execute(
        url,
        "ALTER TABLE whetstone.app_work DROP COLUMN digest; UPDATE whetstone.schema_version SET version = 6",
      ),
    );
    await holds(url);
    await drop();
  });
});
