import { describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { temporaryPaths } from "./folder.ts";
import { allSpans } from "./naive.ts";
import { span, spanId, traceId } from "./spans.ts";

const path = temporaryPaths();

describe("what spans of a batch share", () => {
  test("is stored once, whether they share the object or hold equal ones, and never mistaken for another's", async () => {
    const resource = { "service.name": "notes", "service.version": "1" };
    // One object in both roles, as no decoder makes it: the roles are told apart all the same.
    const both = { name: "both" };
    const spans = [
      { resource, scope: { name: "a" } },
      { resource, scope: { name: "a" } },
      { resource: { ...resource }, scope: { name: "b" } },
      { resource: { "service.name": "notes", "service.version": "2" }, scope: both },
      { resource: both, scope: both },
    ].map((shared, n) => span({ ...shared, spanId: spanId(n), startNs: BigInt(n) }));
    await using store = await openSqliteStore({ path: path() });
    await store.append(spans);
    expect(await allSpans(store)).toEqual(spans);
  });

  test("is stored with the batch after one that failed", async () => {
    const shared = { resource: { "service.name": "late" }, scope: { name: "late" }, service: "late", name: "late" };
    const good = span(shared);
    await using store = await openSqliteStore({ path: path() });
    const bad = span({ ...shared, traceId: traceId(1), spanId: "no id" });
    await expect(store.append([good, bad])).rejects.toMatchObject({ code: "store_write_failed" });
    expect(await store.append([good])).toEqual({ stored: 1, duplicates: 0 });
    expect(await allSpans(store)).toEqual([good]);
  });
});
