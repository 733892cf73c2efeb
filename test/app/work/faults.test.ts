import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import { openWorkQueue } from "../../../src/app/work/open.ts";
import { startChild } from "../../store/child.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { execute, freshDatabase, postgresUrl } from "../../support/postgres.ts";
import { claimed, LEASE, NOW, workedOff, workOf } from "./works.ts";

describe("SQLite", () => {
  test("a full disk fails what does not fit and keeps nothing of it; what was taken is there, and all goes on afterwards", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, "queue.db");
    const child = startChild("../../app/work/children/full.ts", [url], 6_000);
    await child.ended;
    const taken = child.lines.flatMap((line) => /^(w\d+) done$/.exec(line)?.[1] ?? []);
    expect(taken.length).toBeGreaterThan(3);
    const refused = `w${taken.length}`;
    const [look, end] = child.lines.slice(-2);
    expect(child.lines.slice(taken.length)).toEqual([`${refused} store_write_failed`, look, end]);
    expect([look, end]).toEqual(["look done", "end store_write_failed"]);
    await using queue = await openWorkQueue({ url });
    expect(await queue.known(["held", ...taken, refused])).toEqual(new Set(["held", ...taken]));
    // Neither its id nor what it said is known, so that GitHub's next attempt is taken.
    expect(await queue.add(workOf(refused, { digest: `d${taken.length}` }))).toBe("added");
    expect(await queue.add(workOf("other", { digest: "d0" }))).toBe("repeated");
    expect(await claimed(queue, NOW + LEASE)).toMatchObject({ id: "held", attempt: 2 });
    for (const id of [...taken, refused]) expect(await workedOff(queue)).toBe(id);
  });

  test("while another process writes, everything waits in its order and the event loop is free", async () => {
    await using folder = await temporaryFolder();
    const url = join(folder.path, "queue.db");
    await using queue = await openWorkQueue({ url });
    await queue.add(workOf("held"));
    const { claim } = await claimed(queue);
    using other = new DatabaseSync(url);
    other.exec("BEGIN IMMEDIATE");
    const ended: string[] = [];
    const told = async (name: string, answer: Promise<unknown>) => ended.push(`${name} ${String(await answer)}`);
    const answers = [
      told("added", queue.add(workOf("a"))),
      told("held", queue.extend(claim, NOW + 3 * LEASE)),
      // Later than the lease: the sign of life before it came first all the same.
      told(
        "claimed",
        queue.claim(NOW + 2 * LEASE, LEASE).then((work) => work?.id),
      ),
    ];
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(ended).toEqual([]);
    expect(await queue.counts(NOW)).toMatchObject({ waiting: 0, running: 1 });
    other.exec("COMMIT");
    await Promise.all(answers);
    expect(ended).toEqual(["added added", "held true", "claimed a"]);
  });
});

describe.each(postgresUrl === undefined ? ["SQLite"] : ["SQLite", "PostgreSQL"])("%s", (kind) => {
  test("the largest payload that GitHub sends comes back as it was sent", async () => {
    await using folder = await temporaryFolder();
    const database = kind === "SQLite" ? undefined : await freshDatabase(postgresUrl ?? "");
    {
      await using queue = await openWorkQueue({ url: database?.url ?? join(folder.path, "queue.db") });
      const payload = JSON.stringify({ text: "ü\u0000".repeat(3_000_000) });
      expect(Buffer.byteLength(payload)).toBeLessThan(25 * 1024 * 1024);
      expect(await queue.add(workOf("large", { payload, digest: "d" }))).toBe("added");
      expect(await queue.add(workOf("copy", { payload, digest: "d" }))).toBe("repeated");
      expect((await claimed(queue)).payload === payload).toBe(true);
    }
    await database?.drop();
  });
});

(postgresUrl === undefined ? test.skip : test)("PostgreSQL ends the turn of a server that is gone", async () => {
  const { url, drop } = await freshDatabase(postgresUrl ?? "");
  {
    await using queue = await openWorkQueue({ url });
    await execute(
      url,
      `CREATE TABLE noted (setting text);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO noted VALUES (current_setting('idle_in_transaction_session_timeout')); RETURN NULL;
      END $$;
      CREATE TRIGGER noting AFTER INSERT OR UPDATE ON whetstone.app_work EXECUTE FUNCTION note()`,
    );
    await queue.add(workOf("a"));
    const { claim } = await claimed(queue);
    await queue.end(claim, { kind: "done" }, NOW);
    // The last one has no turn and needs none.
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ setting: string }>("SELECT setting FROM noted");
    await client.end();
    expect(rows.map(({ setting }) => setting)).toEqual(["10s", "10s", "0"]);
  }
  await drop();
});
