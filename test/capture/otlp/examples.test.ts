import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import nock from "nock";
import type { Span } from "../../../src/model/span.ts";
import { openSqliteStore } from "../../../src/store/sqlite.ts";
import { whetstone } from "../../support/whetstone.ts";
import { startCollect } from "../collect/process.ts";

nock.restore();

const EXAMPLES = join(import.meta.dirname, "../fixtures/opentelemetry-proto");

/** The one span of `trace.json`; its parent is in no file. */
const SPAN: Span = {
  traceId: "5b8efff798038103d269b633813fc60c",
  spanId: "eee19b7ec3c1b174",
  parentSpanId: "eee19b7ec3c1b173",
  kind: "server",
  name: "I'm a server span",
  service: "my.service",
  startNs: 1_544_712_660_000_000_000n,
  durationNs: 1_000_000_000,
  status: "unset",
  attributes: { "my.span.attr": "some value" },
  events: [],
  links: [],
  resource: { "service.name": "my.service" },
  scope: { name: "my.library", version: "1.0.0", attributes: { "my.scope.attribute": "some scope attribute" } },
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-examples-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function storedSpans(db: string): Promise<Span[]> {
  await using store = await openSqliteStore({ path: db, readOnly: true });
  const spans: Span[] = [];
  for await (const batch of store.spans({})) spans.push(...batch);
  return spans;
}

describe("the examples of opentelemetry-proto", () => {
  test("import takes the trace", async () => {
    const db = join(folder, "import.db");
    const { code, out } = await whetstone(["import", "trace.json", "--db", db, "--json"], { cwd: EXAMPLES });
    expect(code).toBe(0);
    const counts = { read: 1, stored: 1, duplicates: 0, rejected: [], contentDropped: 0, redacted: 0 };
    expect(JSON.parse(out)).toEqual({ files: [{ path: "trace.json", format: "otlp", ...counts }] });
    expect(await storedSpans(db)).toEqual([SPAN]);
  });

  test("collect takes each as it stands: one span, three data points and one log record, each accounted for", async () => {
    const db = join(folder, "collect.db");
    const collect = await startCollect(db);
    const post = async (signal: string, file: string): Promise<number> => {
      const body = await readFile(join(EXAMPLES, file), "utf8");
      const headers = { "content-type": "application/json" };
      return (await fetch(`${collect.url}/v1/${signal}`, { method: "POST", headers, body })).status;
    };
    expect(await post("traces", "trace.json")).toBe(200);
    expect(await post("metrics", "metrics.json")).toBe(200);
    expect(await post("logs", "logs.json")).toBe(200);
    // A file under the wrong signal is no request of it.
    expect(await post("traces", "logs.json")).toBe(400);
    collect.signal("SIGTERM");
    const { code, last } = await collect.ended;
    const totals = JSON.parse(last) as Record<string, number>;
    expect(code).toBe(0);
    expect(totals).toMatchObject({ received: 5, duplicates: 0, dropped: 0, left: 0 });
    expect((totals["stored"] ?? 0) + (totals["rejected"] ?? 0)).toBe(5);
    expect(await storedSpans(db)).toEqual([SPAN]);
  });
});
