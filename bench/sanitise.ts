import { renderTable } from "../src/cli/table.ts";
import { forCsv, forHtml, forLogLine, forSlack } from "../src/protect/sanitise-out.ts";
import { forMarkdown, forModel, forTerminal } from "../src/protect/sanitise.ts";
import { redactSecrets } from "../src/protect/secret-patterns.ts";

/**
 * MB (of UTF-8) per second of processor time of each way out, beside the floor: a plain copy of the same text through
 * bytes. Medians of rounds that take turns.
 */
const ROUNDS = 9;
const prose = "The quick brown fox jumps over the lazy dog; it authenticates with the key that it was given.\n";
const log = "2026-11-20T10:00:00.123Z INFO notes: search took 12 ms, 5 of 20 rows (trace 4bf92f3577b34da6)\n";
const code =
  "export const find = (rows: readonly Row[], id: string): Row | undefined => rows.find((row) => row.id === id);\n";
const foreign = "Příliš žluťoučký kůň úpěl ďábelské ódy, die Äpfel fielen, 日本語のテキスト, и русский язык.\n";
const hostile = "a\u001b[31mred\u202e <b>@octocat</b> fixes #12 <!-- hidden --> =cmd|'/c' https://example.org *x*\n";
const TEXTS = { prose, log, code, foreign, hostile };
const WAYS: Readonly<Record<string, (text: string) => string>> = {
  model: (text) => forModel(text, { maxLength: 1e9 }),
  terminal: forTerminal,
  "secrets alone": redactSecrets,
  markdown: forMarkdown,
  html: forHtml,
  csv: forCsv,
  slack: forSlack,
  log: forLogLine,
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds of processor time of one run: what else runs on the machine does not count. */
function timed(work: () => unknown): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}

const copy = (text: string): string => Buffer.from(Buffer.from(text, "utf8")).toString("utf8");
const rows = Object.entries(TEXTS).map(([name, line]) => {
  const text = line.repeat(Math.ceil(1e6 / line.length));
  const bytes = Buffer.byteLength(text);
  const times = new Map(["copy", ...Object.keys(WAYS)].map((way) => [way, [] as number[]]));
  for (let round = 0; round < ROUNDS; round += 1) {
    times.get("copy")?.push(timed(() => copy(text)));
    for (const [way, clean] of Object.entries(WAYS)) times.get(way)?.push(timed(() => clean(text)));
  }
  const speeds = [...times.values()].map((each) => (bytes / 1e3 / median(each)).toFixed(0));
  const model = median(times.get("model") ?? []) / median(times.get("copy") ?? []);
  return [name, ...speeds, model.toFixed(1)];
});
process.stdout.write(renderTable(["MB/s", "copy", ...Object.keys(WAYS), "model × copy"], rows));
