import { renderTable } from "../src/cli/table.ts";
import type { Span } from "../src/model/span.ts";
import { captureDoor } from "../src/protect/capture-door.ts";
import { redactor } from "../src/protect/redact.ts";

/**
 * Redaction in MB of JSON per second, beside the floor: reading the same JSON with `JSON.parse` (and, for content, writing
 * it with `JSON.stringify`, which the cut needs). Then what the door costs a span of ten attributes that holds nothing
 * to redact, and what a value of 50 MB costs that is cut to 8 KiB. Medians of rounds that take turns.
 */
const ROUNDS = 9;
const whole = redactor({ maxBytes: 64e6 });
const usual = redactor();
const own = redactor({
  keys: ["customer_id"],
  patterns: ["CUST-[0-9]{4,9}"],
  paths: ["/account/*/iban"],
  maxBytes: 64e6,
});

const prose = "The quick brown fox jumps over the lazy dog; it authenticates with the key it was given. ";
const records = (count: number, record: (n: number) => object): string =>
  JSON.stringify(Array.from({ length: count }, (_, n) => record(n)));
const DOCUMENTS: Readonly<Record<string, string>> = {
  "records without secrets": records(12_000, (n) => ({
    id: n,
    uuid: `550e8400-e29b-41d4-a716-${n}`,
    name: `note ${n}`,
    tags: ["a", "b"],
  })),
  "long texts": records(500, (n) => ({ id: n, text: prose.repeat(24) })),
  "a secret in each record": records(8_000, (n) => ({
    id: n,
    user: "ada",
    password: `hunter${n}`,
    note: `token=abc${n} for you`,
  })),
  "JSON within text": records(3_000, (n) => ({
    type: "text",
    text: JSON.stringify({ id: n, rows: [{ a: 1, b: "two" }], secret: "x" }),
  })),
  "base64 image": JSON.stringify({
    type: "image",
    data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat(25_000),
  }),
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds of one run. */
function timed(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

const rows: string[][] = [];
for (const [name, text] of Object.entries(DOCUMENTS)) {
  const value: unknown = JSON.parse(text);
  const floor: number[] = [];
  const both: number[] = [];
  const built: number[] = [];
  const configured: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    floor.push(timed(() => JSON.parse(text)));
    both.push(timed(() => JSON.stringify(JSON.parse(text))));
    built.push(timed(() => whole.content(value)));
    configured.push(timed(() => own.content(value)));
  }
  const speed = (times: readonly number[]): number => text.length / 1e3 / median(times);
  rows.push([
    name,
    (text.length / 1e6).toFixed(1),
    speed(floor).toFixed(0),
    speed(both).toFixed(0),
    speed(built).toFixed(0),
    speed(configured).toFixed(0),
    (median(built) / median(floor)).toFixed(2),
  ]);
}
const heads = ["content", "MB", "JSON.parse MB/s", "and stringify", "redacted", "with own rules", "× JSON.parse"];
process.stdout.write(renderTable(heads, rows));

const span = (n: number): Span => ({
  traceId: n.toString(16).padStart(32, "1"),
  spanId: n.toString(16).padStart(16, "1"),
  kind: "server",
  name: "tools/call search",
  service: "notes",
  startNs: BigInt(n),
  durationNs: n,
  status: "unset",
  attributes: {
    "mcp.method.name": "tools/call",
    "gen_ai.tool.name": "search",
    "gen_ai.operation.name": "execute_tool",
    "jsonrpc.request.id": String(n),
    "mcp.session.id": `550e8400-e29b-41d4-a716-${n}`,
    "mcp.protocol.version": "2025-11-25",
    "network.transport": "tcp",
    "url.full": `https://example.org/notes/${n}?page=2`,
    "http.response.status_code": 200,
    "server.port": 8080,
  },
  events: [],
  links: [],
  resource: { "service.name": "notes" },
  scope: { name: "bench" },
});
const spans = Array.from({ length: 20_000 }, (_, n) => span(n));
const door = captureDoor();
const each = Array.from({ length: ROUNDS }, () => timed(() => spans.forEach(door.span)) / spans.length);
const large = { blob: "x".repeat(50_000_000), password: "hunter2" };
const cut = Array.from({ length: 3 }, () => timed(() => usual.content(large)));
process.stdout.write(
  `\nA span of ten attributes without anything to redact: ${(median(each) * 1_000).toFixed(2)} µs.\n`,
);
process.stdout.write(`An argument of 50 MB, cut to 8 KiB: ${median(cut).toFixed(0)} ms.\n`);
