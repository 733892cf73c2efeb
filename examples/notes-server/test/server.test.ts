import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startServer } from "./client.ts";

type Hit = { id: string; score: number; snippet: string };
type Listed = { notes: { id: string }[]; more: number };
const DATA = join(import.meta.dirname, "../data");

await test("searching and reading", async (t) => {
  await using server = await startServer();
  const search = async (query: string, limit?: number) =>
    (await server.call("search_notes", { query, ...(limit && { limit }) })).value["hits"] as Hit[];

  await t.test("finds the notes that have every word, the best first", async () => {
    const hits = await search("Mailer DISK full");
    assert.equal(hits[0]?.id, "incident-mailer-disk-full");
    const scores = hits.map((hit) => hit.score);
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    );
  });

  await t.test("shows the line that matched", async () => {
    const [hit] = await search("signing keys");
    assert.equal(hit?.snippet, "What it takes to rotate the signing keys, step by step.");
  });

  await t.test("gives no more hits than were asked for, and none for a word that is nowhere", async () => {
    assert.equal((await search("incident", 3)).length, 3);
    assert.deepEqual(await search("incident xylophone"), []);
  });

  await t.test("a note is read whole", async () => {
    const { value } = await server.call("read_note", { id: "how-to-run-the-load-test" });
    assert.equal(value["title"], "How to run the load test");
    assert.match(String(value["created"]), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
    assert.match(String(value["body"]), /^What it takes to run the load test/);
  });

  await t.test("an id that does not exist is an error that names it", async () => {
    const answer = await server.call("read_note", { id: "no-such-note" });
    assert.ok(answer.isError);
    assert.match(answer.text, /no-such-note/);
  });

  await t.test("an id that is a path is refused", async () => {
    assert.ok((await server.call("read_note", { id: "../package" })).isError);
  });

  await t.test("the pages of the list make up the whole list", async () => {
    const seen: string[] = [];
    let page: Listed;
    do {
      const { value } = await server.call("list_notes", { limit: 50, ...(seen.length > 0 && { after: seen.at(-1) }) });
      page = value as Listed;
      seen.push(...page.notes.map((note) => note.id));
    } while (page.more > 0);
    const files = await readdir(DATA);
    assert.deepEqual(seen, files.map((name) => name.replace(/\.md$/, "")).sort());
  });

  await t.test("related notes are those that a note links to", async () => {
    const { value } = await server.call("related_notes", { id: "incident-search-disk-full" });
    const related = value["related"] as { id: string; title: string }[];
    const { value: note } = await server.call("read_note", { id: "incident-search-disk-full" });
    assert.ok(related.length > 0);
    for (const { id } of related) assert.ok(String(note["body"]).includes(`[[${id}]]`));
  });

  await t.test("the overview counts incidents, open tasks and decisions", async () => {
    const { value } = await server.call("overview");
    const incidents = value["incidents"] as { service: string; incidents: number }[];
    assert.equal(incidents.length, 8);
    assert.ok((value["tasks"] as unknown[]).length > 0);
    assert.ok((value["decisions"] as string[]).includes("UTC in every log"));
  });

  await t.test("finds a note that has just been added", async () => {
    const { value } = await server.call("add_note", {
      title: "Cable colours",
      body: "Purple is the uplink.",
      tags: ["howto"],
    });
    assert.deepEqual(
      (await search("purple uplink")).map((hit) => hit.id),
      [value["id"]],
    );
  });
});

await test("adding", async (t) => {
  const stateDir = await mkdtemp(join(tmpdir(), "notes-test-"));
  t.after(() => rm(stateDir, { recursive: true }));
  const before = await readdir(DATA);
  const note = { title: "Spare keys", body: "In the blue box.", tags: ["howto"] };

  await t.test("a note that was added can be read, and a second of that title gets its own id", async () => {
    await using server = await startServer({ NOTES_STATE: stateDir });
    assert.equal((await server.call("add_note", note)).value["id"], "spare-keys");
    assert.equal((await server.call("add_note", { ...note, body: "In the red box." })).value["id"], "spare-keys-2");
    assert.equal((await server.call("read_note", { id: "spare-keys" })).value["body"], note.body);
  });

  await t.test("it is still there after a restart with the same state", async () => {
    await using server = await startServer({ NOTES_STATE: stateDir });
    assert.equal((await server.call("read_note", { id: "spare-keys-2" })).value["body"], "In the red box.");
  });

  await t.test("the notes folder is left alone", async () => {
    assert.deepEqual(await readdir(DATA), before);
  });
});

await test("the server ends, and removes its temporary folder,", async (t) => {
  const parent = await mkdtemp(join(tmpdir(), "notes-test-"));
  t.after(() => rm(parent, { recursive: true }));
  const start = () =>
    spawn(process.execPath, [join(import.meta.dirname, "../src/server.ts")], {
      env: { ...process.env, TMPDIR: parent },
      stdio: ["pipe", "pipe", "inherit"],
    });

  await t.test("when its input ends", async () => {
    const server = start();
    server.stdin.end();
    assert.deepEqual(await once(server, "exit"), [0, null]);
    assert.deepEqual(await readdir(parent), []);
  });

  await t.test("when it is told to", async () => {
    const server = start();
    server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" })}\n`);
    await once(server.stdout, "data");
    assert.equal((await readdir(parent)).length, 1);
    server.kill("SIGTERM");
    assert.deepEqual(await once(server, "exit"), [0, null]);
    assert.deepEqual(await readdir(parent), []);
  });
});
