import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pathsBelow } from "../../src/github/state-path.ts";
import { appendLine } from "./append-line.ts";
import type { StateChange, StateStore } from "../../src/github/state-port.ts";

/** Makes a new state; `writer` opens it, each time as if from another run where the adapter can. */
export type StateSetup = (options?: {
  readonly retries?: number;
}) => Promise<AsyncDisposable & { readonly writer: () => StateStore }>;

const set = (files: Record<string, string | null>, value?: unknown) => ({
  change: new Map(Object.entries(files)) as StateChange,
  value,
});

async function everything(store: StateStore): Promise<Record<string, string | undefined>> {
  const view = await store.view();
  const paths = await view.list("");
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await view.read(path)] as const)));
}

/** What every adapter of `StateStore` promises. */
export function stateContract(name: string, setup: StateSetup): void {
  describe(`StateStore contract: ${name}`, () => {
    reading(setup);
    refusing(setup);
    racing(setup);
    asAMap(setup);
  });
}

function reading(setup: StateSetup): void {
  test("is empty before the first write", async () => {
    await using place = await setup();
    const view = await place.writer().view();
    expect(view.head).toBeUndefined();
    expect(await view.read("a")).toBeUndefined();
    expect(await view.list("")).toEqual([]);
  });

  test("gives back what was written, nested and in any script", async () => {
    await using place = await setup();
    const files = {
      "sessions/ünï/日本 語.json": "žluťoučký 🐎\r\nno newline at the end",
      'a b/"quoted"\'.txt': "",
      "top.md": "\u0000binary-ish\n",
    };
    expect(await place.writer().update("m", async () => set(files, 7))).toBe(7);
    expect(await everything(place.writer())).toEqual(files);
  });

  test("lists below a folder only, sorted", async () => {
    await using place = await setup();
    const store = place.writer();
    await store.update("m", async () => set({ "b/2": "", "b/10": "", "bb/1": "", "b/c/d": "", a: "" }));
    const view = await store.view();
    expect(await view.list("b")).toEqual(["b/10", "b/2", "b/c/d"]);
    expect(await view.list("b/")).toEqual(["b/10", "b/2", "b/c/d"]);
    expect(await view.list("b/2")).toEqual([]);
    expect(await view.list("nothing")).toEqual([]);
    expect(await view.list("")).toEqual(["a", "b/10", "b/2", "b/c/d", "bb/1"]);
  });

  test("a view stays as it was when others write", async () => {
    await using place = await setup();
    await place.writer().update("m", async () => set({ a: "1" }));
    const before = await place.writer().view();
    await place.writer().update("m", async () => set({ a: "2", b: "2" }));
    expect([await before.read("a"), await before.read("b"), await before.list("")]).toEqual(["1", undefined, ["a"]]);
    expect((await place.writer().view()).head).not.toBe(before.head);
  });

  test("removes files, also the last one and ones that are not there", async () => {
    await using place = await setup();
    const store = place.writer();
    await store.update("m", async () => set({ "a/b": "1", c: "2" }));
    await store.update("m", async () => set({ "a/b": null, gone: null }));
    expect(await everything(store)).toEqual({ c: "2" });
    await store.update("m", async () => set({ c: null }));
    expect(await everything(store)).toEqual({});
  });

  test("makes no commit when nothing changes", async () => {
    await using place = await setup();
    const store = place.writer();
    expect(await store.update("m", async () => set({}, "v"))).toBe("v");
    expect(await store.update("m", async () => set({ gone: null }, "w"))).toBe("w");
    expect((await store.view()).head).toBeUndefined();
    await store.update("m", async () => set({ a: "1" }));
    const { head } = await store.view();
    await store.update("m", async () => set({}));
    await store.update("m", async () => set({ a: "1", gone: null }));
    expect((await store.view()).head).toBe(head);
  });
}

function refusing(setup: StateSetup): void {
  const bad = [
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/./b",
    ".git/config",
    "a/.GIT/x",
    ".gitmodules",
    "a\nb",
    "a\\b",
    "\ud800",
  ];
  test.each(bad)("refuses the path %j and writes nothing", async (path) => {
    await using place = await setup();
    const update = place.writer().update("m", async () => set({ fine: "1", [path]: "2" }));
    await expect(update).rejects.toMatchObject({ code: "write_failed", data: { path } });
    expect((await place.writer().view()).head).toBeUndefined();
  });

  test("refuses a path that would be file and folder at once", async () => {
    await using place = await setup();
    await place.writer().update("m", async () => set({ a: "1" }));
    await expect(place.writer().update("m", async () => set({ "a/b": "2" }))).rejects.toMatchObject({
      code: "write_failed",
    });
    await place.writer().update("m", async () => set({ a: null, "a/b": "2" }));
    expect(await everything(place.writer())).toEqual({ "a/b": "2" });
  });

  test("an error of the plan leaves the state as it was", async () => {
    await using place = await setup();
    const failing = place.writer().update("m", () => Promise.reject(new Error("plan failed")));
    await expect(failing).rejects.toThrow("plan failed");
    expect((await place.writer().view()).head).toBeUndefined();
  });
}

function racing(setup: StateSetup): void {
  test("plans again on the new view after a lost race", async () => {
    await using place = await setup();
    const seen: (string | undefined)[] = [];
    await place.writer().update("m", async () => set({ n: "1" }));
    await place.writer().update("slow", async (view) => {
      seen.push(await view.read("n"));
      if (seen.length === 1) await place.writer().update("fast", async () => set({ n: "2" }));
      return set({ sum: seen.join("+") });
    });
    expect(seen).toEqual(["1", "2"]);
    expect(await everything(place.writer())).toEqual({ n: "2", sum: "1+2" });
  });

  test("the first commit can lose its race too", async () => {
    await using place = await setup();
    let rounds = 0;
    await place.writer().update("slow", async () => {
      rounds += 1;
      if (rounds === 1) await place.writer().update("fast", async () => set({ fast: "1" }));
      return set({ slow: "1" });
    });
    expect(await everything(place.writer())).toEqual({ fast: "1", slow: "1" });
  });

  test("gives up after too many lost races with ref_moved", async () => {
    await using place = await setup({ retries: 2 });
    let rounds = 0;
    const losing = place.writer().update("slow", async () => {
      rounds += 1;
      await place.writer().update("fast", async () => set({ fast: String(rounds) }));
      return set({ slow: "1" });
    });
    await expect(losing).rejects.toMatchObject({ code: "ref_moved", data: { attempts: 3 } });
    expect(await everything(place.writer())).toEqual({ fast: "3" });
  });

  test.each([2, 8])("%i writers at once: every update is there exactly once", async (writers) => {
    await using place = await setup();
    const names = Array.from({ length: writers }, (_, index) => `w${index}`);
    await Promise.all(names.map((name) => appendLine(place.writer(), name)));
    const log = (await everything(place.writer()))["log"] ?? "";
    expect(log.trim().split("\n").sort()).toEqual(names);
  });
}

function asAMap(setup: StateSetup): void {
  const path = fc.constantFrom("a", "b", "d/x", "d/y", "d/e/z", "ž/ß");
  const change = fc.dictionary(path, fc.option(fc.string({ unit: "grapheme", maxLength: 5 }), { nil: null }));
  test("behaves like a map of files", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        await using place = await setup();
        const model = new Map<string, string>();
        for (const files of changes) {
          await place.writer().update("m", async () => set(files));
          for (const [name, content] of Object.entries(files)) {
            if (content === null) model.delete(name);
            else model.set(name, content);
          }
        }
        expect(await everything(place.writer())).toEqual(Object.fromEntries(model));
        expect(await (await place.writer().view()).list("d")).toEqual(pathsBelow(model.keys(), "d"));
      }),
      { numRuns: 15 },
    );
  });
}
