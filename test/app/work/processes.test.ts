import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openWorkQueue } from "../../../src/app/work/open.ts";
import { startChild } from "../../store/child.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { freshDatabase, postgresUrl } from "../../support/postgres.ts";
import { LEASE, NOW, workedOff, workOf } from "./works.ts";

const CHILDREN = "../../app/work/children";

type Place = AsyncDisposable & { readonly url: string; readonly file: string };

/** A new queue, and a file for what is done about its works. */
async function place(kind: "SQLite" | "PostgreSQL"): Promise<Place> {
  const folder = await temporaryFolder();
  const database = kind === "SQLite" ? undefined : await freshDatabase(postgresUrl ?? "");
  const file = join(folder.path, "done.txt");
  await writeFile(file, "");
  return {
    url: database?.url ?? join(folder.path, "queue.db"),
    file,
    [Symbol.asyncDispose]: async () => {
      await database?.drop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const linesOf = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");

/** Steps of the child after which it is killed, and what must be there then. */
const STEPS = [
  ["opened", []],
  ["added a", ["a"]],
  ["added b", ["a", "b"]],
  ["claimed a", ["a", "b"]],
  ["done a", ["a", "b"]],
  ["ended a", ["a", "b"]],
  ["claimed b", ["a", "b"]],
  ["done b", ["a", "b"]],
  ["ended b", ["a", "b"]],
] as const;

const kinds = postgresUrl === undefined ? (["SQLite"] as const) : (["SQLite", "PostgreSQL"] as const);

describe.each(kinds)("%s", (kind) => {
  test("killed between any two steps, nothing that was taken is lost, and what was ended is not done again", async () => {
    await Promise.all([0, 1].map((part) => killedAfter(STEPS.filter((_, index) => index % 2 === part))));
  });

  async function killedAfter(steps: readonly (readonly [string, readonly string[]])[]): Promise<void> {
    for (const [last, taken] of steps) {
      await using at = await place(kind);
      const child = startChild(`${CHILDREN}/steps.ts`, [at.url, at.file]);
      const count = STEPS.findIndex(([name]) => name === last) + 1;
      for (let printed = 1; printed <= count; printed += 1) {
        await child.printed(printed);
        if (printed < count) child.tell("go");
      }
      expect(child.lines.at(-1)).toBe(last);
      child.kill();
      await child.ended;
      const done = await linesOf(at.file);
      await using queue = await openWorkQueue({ url: at.url });
      expect(await queue.known(["a", "b"])).toEqual(new Set(taken));
      const { waiting, running } = await queue.counts(NOW);
      const left = [];
      for (let n = 0; n < waiting + running; n += 1) left.push(await workedOff(queue, { kind: "done" }, NOW + LEASE));
      const isEnded = (id: string): boolean => STEPS.slice(0, count).some(([name]) => name === `ended ${id}`);
      expect({ last, left }).toEqual({ last, left: taken.filter((id) => !isEnded(id)) });
      // Only what was done without being ended is done twice; such effects are keyed by the id of the work.
      const twice = left.filter((id) => done.includes(id));
      expect({ last, twice }).toEqual({ last, twice: last.startsWith("done") ? [last.slice(5)] : [] });
    }
  }

  test("two workers at once do each work once, and those of a key one after the other in their order", async () => {
    await using at = await place(kind);
    const works = Array.from({ length: 40 }, (_, n) => ({ id: String(n).padStart(2, "0"), key: `k${n % 7}` }));
    {
      await using queue = await openWorkQueue({ url: at.url });
      for (const { id, key } of works) await queue.add(workOf(id, { key }));
    }
    const children = [1, 2].map(() => startChild(`${CHILDREN}/worker.ts`, [at.url, at.file]));
    for (const child of children) await child.printed(1);
    for (const child of children) child.tell("go");
    for (const child of children) await child.ended;
    expect(children.map(({ lines }) => lines.at(-1))).toEqual(["over", "over"]);
    const lines = await linesOf(at.file);
    for (const key of new Set(works.map((work) => work.key))) {
      const expected = works.filter((work) => work.key === key).flatMap(({ id }) => [`begin ${id}`, `end ${id}`]);
      const seen = lines.filter((line) => line.includes(` ${key} `)).map((line) => line.replace(` ${key}`, ""));
      expect({ key, seen }).toEqual({ key, seen: expected });
    }
  });
});
