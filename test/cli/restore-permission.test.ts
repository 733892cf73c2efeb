import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { runGrant, runRequest } from "../../src/cli/run/authorize.ts";
import { runBackup, runRestore } from "../../src/cli/run/backup.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { allSpans } from "../store/naive.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { bufferIo } from "./buffer-io.ts";

const add = async (path: string, n: number): Promise<void> => {
  await using store = await openSqliteStore({ path });
  await store.append([span({ traceId: traceId(n), spanId: spanId(n) })]);
};
const countIn = async (path: string): Promise<number> => {
  await using store = await openSqliteStore({ path });
  return (await allSpans(store)).length;
};

test("replacing a store in a repository takes a token for exactly this backup, which works once", async () => {
  await using repository = await temporaryRepository();
  await repository.commit({ "a.txt": "1\n" });
  const cwd = repository.root;
  const db = join(cwd, "store.db");
  const at = { db };
  await add(db, 1);
  await runBackup("kept.db", at, bufferIo({ cwd }).io);
  await add(db, 2);
  const restore = (more: object = {}) => runRestore("kept.db", { ...at, force: true, ...more }, bufferIo({ cwd }).io);
  const refusedFor = async (reason: string, more: object = {}) =>
    await expect(restore(more)).rejects.toMatchObject({ code: "unauthorized", data: { reason } });

  await refusedFor("authorization_missing");
  expect(await countIn(db)).toBe(2);
  const unnamed = runRequest("backup.restore", {}, bufferIo({ cwd }).io);
  await expect(unnamed).rejects.toMatchObject({ code: "usage", remedy: expect.stringContaining("--file") });
  const asked = bufferIo({ cwd });
  await runRequest("backup.restore", { file: "kept.db", json: true }, asked.io);
  const request = JSON.parse(asked.out()) as { id: string };
  expect(request).toMatchObject({
    target: "store",
    role: "admin",
    risk: { level: "high" },
    subject: { kind: "change" },
  });
  await runGrant(request.id, { out: "token" }, bufferIo({ cwd }).io);

  // Another backup under the same name is not what was permitted.
  for (const name of ["kept.db", "kept.db.sha256"]) await cp(join(cwd, name), join(cwd, `old-${name}`));
  await runBackup("kept.db", { ...at, force: true }, bufferIo({ cwd }).io);
  await refusedFor("digest_mismatch", { tokenFile: "token" });
  for (const name of ["kept.db", "kept.db.sha256"]) await cp(join(cwd, `old-${name}`), join(cwd, name));

  expect(await restore({ tokenFile: "token" })).toBe(0);
  expect(await countIn(db)).toBe(1);
  await refusedFor("authorization_used", { tokenFile: "token" });
  expect(await repository.git("log", "-1", "--format=%s", "whetstone/state")).toContain("backup.restore");
  // Where nothing is replaced nobody is asked; nor outside of a repository.
  expect(await runRestore("kept.db", { db: join(cwd, "new.db") }, bufferIo({ cwd }).io)).toBe(0);
  await using outside = await temporaryFolder();
  for (const name of ["kept.db", "kept.db.sha256"]) await cp(join(cwd, name), join(outside.path, name));
  await writeFile(join(outside.path, "store.db"), await readFile(join(outside.path, "kept.db")));
  const there = { db: join(outside.path, "store.db"), force: true };
  expect(await runRestore("kept.db", there, bufferIo({ cwd: outside.path }).io)).toBe(0);
});
