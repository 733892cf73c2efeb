import { expect, test } from "@jest/globals";
import { LONGEST_RETRY_MS, MOST_OF_A_PLACE, type WorkQueue } from "../../../src/app/work/port.ts";
import { claimed, LEASE, NOW, workedOff, workOf } from "./works.ts";

const HOUR = 3_600_000;

/** What holds for every queue. `empty` gives one without work. */
export function queueContract(empty: () => Promise<WorkQueue>): void {
  test("an id is taken once, whatever became of it", async () => {
    const queue = await empty();
    expect(await queue.add(workOf("a"))).toBe("added");
    expect(await queue.add(workOf("a", { payload: "other" }))).toBe("known");
    expect(await workedOff(queue)).toBe("a");
    expect(await queue.add(workOf("a"))).toBe("known");
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    expect(await queue.known(["a", "b", 'c"\\'])).toEqual(new Set(["a"]));
    expect(await queue.known([])).toEqual(new Set());
  });

  test("what was delivered is taken once, under whatever id, for as long as its id is known", async () => {
    const queue = await empty();
    const first = workOf("a", { digest: "d1", receivedAt: NOW - 1 });
    expect(await queue.add(first)).toBe("added");
    expect(await queue.add(first)).toBe("known");
    expect(await queue.add(workOf("b", { digest: "d1" }))).toBe("repeated");
    expect(await queue.add(workOf("c", { digest: "d2" }))).toBe("added");
    for (const id of ["task", "other task"]) expect(await queue.add(workOf(id))).toBe("added");
    expect(await queue.known(["a", "b", "c"])).toEqual(new Set(["a", "c"]));
    expect(await workedOff(queue, { kind: "done" }, NOW - 10)).toBe("a");
    expect(await workedOff(queue, { kind: "dead", error: "x" }, NOW - 10)).toBe("c");
    await queue.drop("octo-org", NOW);
    for (const digest of ["d1", "d2"]) expect(await queue.add(workOf("late", { digest }))).toBe("repeated");
    await queue.forget(NOW);
    for (const id of ["a", "c"]) expect(await queue.add(workOf(`${id}2`, { digest: `d${id}` }))).toBe("added");
  });

  test("what GitHub itself says it sent twice is taken twice, each time under its own id", async () => {
    const queue = await empty();
    for (const id of ["a", "b"])
      expect(await queue.add(workOf(id, { digest: "d" }), { mayRepeat: true })).toBe("added");
    expect(await queue.add(workOf("b", { digest: "d" }), { mayRepeat: true })).toBe("known");
    expect(await queue.add(workOf("c", { digest: "d" }), { mayRepeat: false })).toBe("repeated");
    expect([await workedOff(queue), await workedOff(queue)]).toEqual(["a", "b"]);
    await queue.forget(NOW + 1);
    expect(await queue.add(workOf("c", { digest: "d" }))).toBe("added");
  });

  test("a claim hands over what was added, and counts attempts", async () => {
    const queue = await empty();
    const payload = JSON.stringify({ text: "ü 😀 \u2028 \\ \u0000", nested: [1, null] });
    await queue.add(workOf("a", { payload, receivedAt: NOW - 5 }));
    const work = await claimed(queue);
    expect(work).toMatchObject({ id: "a", event: "issue_comment", key: "octo-org/notes#a", payload, attempt: 1 });
    expect(work.receivedAt).toBe(NOW - 5);
    await queue.end(work.claim, { kind: "failed", error: "x", retryAt: NOW + 10 }, NOW);
    expect(await queue.claim(NOW + 9, LEASE)).toBeUndefined();
    expect((await claimed(queue, NOW + 10)).attempt).toBe(2);
  });

  test("work of a key is done one after the other, in the order of arrival; other keys do not wait", async () => {
    const queue = await empty();
    for (const id of ["a1", "b1", "a2", "b2"]) await queue.add(workOf(id, { key: `k-${id[0]}` }));
    const first = await claimed(queue);
    expect(first.id).toBe("a1");
    expect(await workedOff(queue)).toBe("b1");
    expect(await workedOff(queue)).toBe("b2");
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    await queue.end(first.claim, { kind: "done" }, NOW);
    expect(await workedOff(queue)).toBe("a2");
  });

  test("a repository with a flood of work leaves room for the others", async () => {
    const queue = await empty();
    const flood = Array.from({ length: 3 * MOST_OF_A_PLACE }, (_, n) => `octo-org/notes${"#@!:"[n % 4]}f${n}`);
    for (const key of flood) await queue.add(workOf(key, { key }));
    for (const key of ["octo-org/notes-2#1", "octo-org/note:gate:1", ":event/ping"])
      await queue.add(workOf(key, { key }));
    const held = [];
    for (let n = 0; n < MOST_OF_A_PLACE + 3; n += 1) held.push(await claimed(queue));
    const begun = [...flood.slice(0, MOST_OF_A_PLACE), "octo-org/notes-2#1", "octo-org/note:gate:1", ":event/ping"];
    expect(held.map(({ id }) => id)).toEqual(begun);
    // Nobody is told to look at once for what may not be begun.
    expect([await queue.claim(NOW, LEASE), await queue.nextDue(NOW, LEASE)]).toEqual([undefined, NOW + LEASE]);
    await queue.end(held[0]?.claim ?? "", { kind: "failed", error: "503", retryAt: NOW + 10 }, NOW);
    expect(await queue.nextDue(NOW, LEASE)).toBe(0);
    expect((await claimed(queue)).id).toBe(flood[MOST_OF_A_PLACE]);
    // Leases that ran out hold nothing: all of it is taken over.
    const later = NOW + LEASE + 1;
    for (let n = 0; n < MOST_OF_A_PLACE; n += 1) await claimed(queue, later);
  });

  test("work that failed keeps its place before what came later, until it is done or dead", async () => {
    const queue = await empty();
    for (const id of ["a1", "a2"]) await queue.add(workOf(id, { key: "k" }));
    await workedOff(queue, { kind: "failed", error: "503", retryAt: NOW + 1000 });
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + 1000);
    expect(await workedOff(queue, { kind: "dead", error: "given up" }, NOW + 1000)).toBe("a1");
    expect(await workedOff(queue)).toBe("a2");
  });

  test("`again` is no failure: attempts begin anew, at that time, with that payload", async () => {
    const queue = await empty();
    await queue.add(workOf("a"));
    await workedOff(queue, { kind: "failed", error: "x", retryAt: NOW });
    await workedOff(queue, { kind: "again", at: NOW + 5 * HOUR, payload: '"next"' });
    expect(await queue.claim(NOW + 5 * HOUR - 1, LEASE)).toBeUndefined();
    const work = await claimed(queue, NOW + 5 * HOUR);
    expect(work).toMatchObject({ attempt: 1, payload: '"next"' });
    await queue.end(work.claim, { kind: "again", at: NOW }, NOW);
    expect(await claimed(queue)).toMatchObject({ attempt: 1, payload: '"next"' });
  });

  test("a task that waits for its time holds up nobody else", async () => {
    const queue = await empty();
    await queue.add(workOf("later", { key: "gate", notBefore: NOW + HOUR }));
    await queue.add(workOf("now"));
    expect(await queue.nextDue(NOW, LEASE)).toBe(0);
    expect(await workedOff(queue)).toBe("now");
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + HOUR);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    expect(await workedOff(queue, { kind: "done" }, NOW + HOUR)).toBe("later");
    expect(await queue.nextDue(NOW, LEASE)).toBeUndefined();
  });

  leases(empty);
  deadLetters(empty);
  forgetting(empty);
}

function leases(empty: () => Promise<WorkQueue>): void {
  test("what is held is nobody else's until the lease has run out; then the first holder has lost it", async () => {
    const queue = await empty();
    await queue.add(workOf("a", { key: "k" }));
    await queue.add(workOf("b", { key: "k" }));
    const first = await claimed(queue);
    expect(await queue.claim(NOW + LEASE - 1, LEASE)).toBeUndefined();
    expect(await queue.extend(first.claim, NOW + 2 * LEASE)).toBe(true);
    expect(await queue.claim(NOW + LEASE, LEASE)).toBeUndefined();
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW + 2 * LEASE);
    const second = await claimed(queue, NOW + 2 * LEASE);
    expect(second).toMatchObject({ id: "a", attempt: 2 });
    expect(await queue.extend(first.claim, NOW + 9 * LEASE)).toBe(false);
    expect(await queue.end(first.claim, { kind: "done" }, NOW)).toBe(false);
    expect(await queue.end(second.claim, { kind: "done" }, NOW)).toBe(true);
    expect(await queue.end(second.claim, { kind: "done" }, NOW)).toBe(false);
    expect(await workedOff(queue)).toBe("b");
  });

  test("a clock that was a day ahead, and was set right, keeps neither a lease nor a retry for a day", async () => {
    const queue = await empty();
    const ahead = NOW + 24 * HOUR;
    await queue.add(workOf("held"));
    await queue.add(workOf("failed"));
    await queue.claim(ahead, LEASE);
    await workedOff(queue, { kind: "failed", error: "x", retryAt: ahead + LONGEST_RETRY_MS }, ahead);
    expect(await queue.nextDue(NOW, LEASE)).toBe(NOW);
    expect(await claimed(queue)).toMatchObject({ id: "held", attempt: 2 });
    expect(await claimed(queue)).toMatchObject({ id: "failed", attempt: 2 });
  });

  test("a clock that was a day behind, and was set right, finds everything due once", async () => {
    const queue = await empty();
    await queue.add(workOf("a"));
    await queue.claim(NOW - 24 * HOUR, LEASE);
    expect(await workedOff(queue)).toBe("a");
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
  });
}

function deadLetters(empty: () => Promise<WorkQueue>): void {
  test("dead letters are listed with their error, newest first, and one of them is tried again", async () => {
    const queue = await empty();
    for (const id of ["a", "b"]) {
      await queue.add(workOf(id, { key: "k" }));
      await workedOff(queue, { kind: "dead", error: `no \u0000 ${id}` });
    }
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 0, dead: 2 });
    const [b, a, ...none] = await queue.deadLetters(10);
    expect(none).toEqual([]);
    expect(b).toMatchObject({ id: "b", attempts: 1, diedAt: NOW, payload: '{"id":"b"}' });
    expect([a?.error, b?.error]).toEqual([expect.stringMatching(/^no . a$/), expect.stringMatching(/^no . b$/)]);
    expect(await queue.deadLetters(1)).toHaveLength(1);
    expect(await queue.revive("a", NOW)).toBe(true);
    expect(await queue.revive("a", NOW)).toBe(false);
    expect(await queue.revive("none", NOW)).toBe(false);
    expect(await claimed(queue)).toMatchObject({ id: "a", attempt: 1 });
    expect((await queue.counts(NOW)).dead).toBe(1);
  });

  test("what is tried again waits for work of its key that is running, and comes after what waits", async () => {
    const queue = await empty();
    for (const id of ["a", "b", "c"]) await queue.add(workOf(id, { key: "k" }));
    await workedOff(queue, { kind: "dead", error: "x" });
    const running = await claimed(queue);
    await queue.revive("a", NOW);
    expect(await queue.claim(NOW, LEASE)).toBeUndefined();
    await queue.end(running.claim, { kind: "done" }, NOW);
    expect([running.id, await workedOff(queue), await workedOff(queue)]).toEqual(["b", "c", "a"]);
    await queue.add(workOf("d", { key: "k" }));
    expect(await workedOff(queue)).toBe("d");
  });

  test("counts what waits and runs, and since when the oldest could have been begun", async () => {
    const queue = await empty();
    expect(await queue.counts(NOW)).toEqual({ waiting: 0, running: 0, dead: 0 });
    await queue.add(workOf("run", { receivedAt: NOW - 90 }));
    await queue.claim(NOW, LEASE);
    await queue.add(workOf("task", { receivedAt: NOW - 80, notBefore: NOW - 30 }));
    await queue.add(workOf("delivery", { receivedAt: NOW - 40 }));
    await queue.add(workOf("future", { receivedAt: NOW - 99, notBefore: NOW + 1 }));
    expect(await queue.counts(NOW)).toEqual({ waiting: 3, running: 1, dead: 0, dueSince: NOW - 40 });
  });
}

function forgetting(empty: () => Promise<WorkQueue>): void {
  test("forgets what ended before an instant, and nothing else", async () => {
    const queue = await empty();
    for (const id of ["old", "dead", "new", "open"]) await queue.add(workOf(id));
    await workedOff(queue, { kind: "done" }, NOW - 10);
    await workedOff(queue, { kind: "dead", error: "x" }, NOW - 10);
    await workedOff(queue, { kind: "done" }, NOW);
    expect(await queue.forget(NOW)).toBe(2);
    expect(await queue.forget(NOW)).toBe(0);
    expect(await queue.known(["old", "dead", "new", "open"])).toEqual(new Set(["new", "open"]));
  });

  test("drops all work of a repository and no other's; its ids stay known", async () => {
    const queue = await empty();
    const keys = [
      "o/r",
      "o/r#1",
      "o/r@production",
      "o/r!sha",
      "o/r:gate",
      "o/rr",
      "o/r.x#1",
      "p/r#1",
      "o/r-2",
      "O/r#1",
    ];
    for (const key of keys) await queue.add(workOf(key, { key }));
    const held = await claimed(queue);
    await workedOff(queue, { kind: "dead", error: "x" });
    expect(held.key).toBe("o/r");
    expect(await queue.drop("o/r", NOW)).toBe(5);
    expect(await queue.end(held.claim, { kind: "done" }, NOW)).toBe(false);
    expect(await queue.deadLetters(10)).toEqual([]);
    expect(await queue.known(keys)).toEqual(new Set(keys));
    const left = [];
    for (let work = await queue.claim(NOW, LEASE); work; work = await queue.claim(NOW, LEASE)) left.push(work.key);
    expect(left).toEqual(["o/rr", "o/r.x#1", "p/r#1", "o/r-2", "O/r#1"]);
    expect(await queue.drop("o/r", NOW)).toBe(0);
    expect(await queue.drop("o", NOW)).toBe(3);
  });

  test("many at once with one body: one of them is taken", async () => {
    const queue = await empty();
    const answers = Array.from({ length: 20 }, (_, n) => queue.add(workOf(`w${n}`, { digest: "same" })));
    expect((await Promise.all(answers)).toSorted()).toEqual(["added", ...Array<string>(19).fill("repeated")]);
  });

  test("many at once: each is added once and claimed once", async () => {
    const queue = await empty();
    const ids = Array.from({ length: 60 }, (_, n) => `w${n % 40}`);
    const added = await Promise.all(ids.map((id) => queue.add(workOf(id, { key: `k${Number(id.slice(1)) % 20}` }))));
    expect(added.filter((answer) => answer === "added")).toHaveLength(40);
    const works = await Promise.all(ids.map(() => queue.claim(NOW, LEASE)));
    const taken = works.flatMap((work) => (work === undefined ? [] : [work.key]));
    expect(new Set(taken).size).toBe(20);
    expect(taken).toHaveLength(20);
  });
}
