import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildTree } from "../../src/analyze/tree.ts";
import type { ImportReport } from "../../src/backends/import-file.ts";
import type { Span } from "../../src/model/span.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { whetstone } from "../support/whetstone.ts";

const FIXTURES = join(import.meta.dirname, "fixtures/zipkin-lens");
const SMARTTHINGS = "smartthings-mobile-web-install.first-15.json";

/** Traces of real systems, with what is to come of each: read, stored, rejected by reason. */
const FILES: readonly (readonly [string, number, number, Readonly<Record<string, number>>])[] = [
  ["ascend.json", 8, 8, {}],
  ["envoy.json", 1, 1, {}],
  ["malformed.json", 7, 3, { "duration is missing": 4 }],
  ["simple-db-p6.json", 5, 5, {}],
  ["skew.json", 4, 4, {}],
  [SMARTTHINGS, 15, 8, { "start time is missing": 1, "duration is missing": 6 }],
  ["yelp.json", 16, 16, {}],
];

let folder = "";
let reports: readonly ImportReport[] = [];
let again: readonly ImportReport[] = [];
const stored = new Map<string, readonly Span[]>();

async function runImport(): Promise<readonly ImportReport[]> {
  const names = FILES.map(([name]) => name);
  const args = ["import", ...names, "--db", join(folder, "zipkin.db"), "--json"];
  const { code, out, err } = await whetstone(args, { cwd: FIXTURES });
  expect([code, err]).toEqual([0, ""]);
  return (JSON.parse(out) as { files: ImportReport[] }).files;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-zipkin-lens-"));
  reports = await runImport();
  again = await runImport();
  await using store = await openSqliteStore({ path: join(folder, "zipkin.db"), readOnly: true });
  for await (const batch of store.spans({})) {
    for (const span of batch) stored.set(span.traceId, [...(stored.get(span.traceId) ?? []), span]);
  }
}, 180_000);
afterAll(() => rm(folder, { recursive: true }));

/** Operation, service and children, of a trace with a 64-bit id. */
function outline(traceId: string): unknown {
  type Outline = readonly [string, string, readonly Outline[]];
  type Node = ReturnType<typeof buildTree>["roots"][number];
  const of = ({ span, children }: Node): Outline => [span.name, span.service, children.map(of)];
  return buildTree(stored.get(traceId.padStart(32, "0")) ?? []).roots.map(of);
}

describe("the test data of zipkin-lens", () => {
  test("every file of the folder is imported here", async () => {
    const present = (await readdir(FIXTURES)).filter((name) => name.endsWith(".json"));
    expect(present.toSorted()).toEqual(FILES.map(([name]) => name).toSorted());
  });

  test.each(FILES)(
    "%s: %i read, %i stored, rejected %j; the second time stored before",
    (...[path, read, kept, why]) => {
      const rejected = Object.entries(why).map(([reason, count]) => ({ reason, count }));
      const common = { path, format: "zipkin", read, rejected };
      expect(reports.find((report) => report.path === path)).toMatchObject({ ...common, stored: kept, duplicates: 0 });
      expect(again.find((report) => report.path === path)).toMatchObject({ ...common, stored: 0, duplicates: kept });
    },
  );

  test("the store holds each of them once", () => {
    const total = FILES.reduce((sum, [, , kept]) => sum + kept, 0);
    expect([...stored.values()].flat()).toHaveLength(total);
    expect(stored.size).toBe(FILES.length);
  });

  test("client and server spans that share an id stay apart, and the server's children are below it", () => {
    const spans = stored.get("ef86c83c0a05a6d6".padStart(32, "0")) ?? [];
    const shared = spans.filter(({ spanId }) => spanId === "ecc00062ceef4bf0");
    expect(shared.map(({ kind }) => kind).toSorted()).toEqual(["client", "server"]);
    expect(outline("ef86c83c0a05a6d6")).toEqual([
      [
        "get",
        "mobile-gateway",
        [
          [
            "get",
            "mobile-gateway",
            [
              [
                "http:/parent/auth-service/v1/authentications/",
                "auth-service",
                [["extend-token-life", "auth-service", []]],
              ],
            ],
          ],
          [
            "get",
            "mobile-gateway",
            [
              [
                "get /content/personal",
                "content-service",
                [
                  ["hystrix", "content-service", []],
                  ["get", "content-service", []],
                ],
              ],
            ],
          ],
        ],
      ],
    ]);
  });

  test("a server whose clock is ahead of its caller's keeps its place", () => {
    expect(outline("1e223ff1f80f1c69")).toEqual([
      ["get", "servicea", [["post", "servicea", [["post", "serviceb", [["async", "serviceb", []]]]]]]],
    ]);
  });

  test("a trace of five services is one tree, and one without some of its spans says what is missing", () => {
    const yelp = buildTree(stored.get("a03ee8fff1dcd9b9".padStart(32, "0")) ?? []);
    expect([yelp.roots.length, yelp.nodes.length, yelp.orphans]).toEqual([1, 16, 0]);
    const smartthings = buildTree(stored.get("14b60fd9ae504820".padStart(32, "0")) ?? []);
    expect([smartthings.roots.length, smartthings.orphans]).toEqual([3, 3]);
  });
});
