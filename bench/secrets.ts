import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { renderTable } from "../src/cli/table.ts";
import { secretKinds } from "../src/protect/secrets.ts";

/**
 * How often the secret rules speak up on sources that hold no live secret: findings per MB and per rule, on this
 * repository and on node_modules, and the first places of each rule (never the text). Every finding is a false alarm, or
 * an example that is printed in documentation. The same line counts once: generated descriptions of an API hold their
 * examples a hundred times. `SECRETS_SHOW=40` shows more places.
 */
const SHOWN = Number(process.env["SECRETS_SHOW"] ?? 3);
const SOURCE = /\.(?:[cm]?[jt]sx?|json|ya?ml|md|sh)$/;
/** Minified bundles have lines that no patch of a person has. */
const LONGEST_LINE = 2_000;

type Tally = {
  bytes: number;
  lines: number;
  files: number;
  ms: number;
  repeated: number;
  readonly seen: Set<string>;
  readonly places: Map<string, string[]>;
};

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.isFile() && SOURCE.test(entry.name) && !/(?:^|-)lock\b/.test(entry.name)) yield path;
  }
}

function look(tally: Tally, path: string): void {
  const text = readFileSync(path, "utf8");
  const begun = performance.now();
  tally.files += 1;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.length > LONGEST_LINE) continue;
    tally.bytes += line.length + 1;
    tally.lines += 1;
    for (const kind of secretKinds(line)) {
      const found = `${kind} ${line.trim()}`;
      if (tally.seen.has(found)) {
        tally.repeated += 1;
        continue;
      }
      tally.seen.add(found);
      const places = tally.places.get(kind) ?? [];
      places.push(`${path}:${index + 1}`);
      tally.places.set(kind, places);
    }
  }
  tally.ms += performance.now() - begun;
}

const SETS: Readonly<Record<string, readonly string[]>> = {
  "this repository": ["src", "bench", "scripts", "examples", "specs"],
  "its tests": ["test"],
  node_modules: ["node_modules"],
};
for (const [name, folders] of Object.entries(SETS)) {
  const tally: Tally = { bytes: 0, lines: 0, files: 0, ms: 0, repeated: 0, seen: new Set(), places: new Map() };
  for (const folder of folders) for (const path of sources(folder)) look(tally, path);
  const mb = tally.bytes / 1e6;
  const found = [...tally.places.values()].reduce((sum, { length }) => sum + length, 0);
  process.stdout.write(
    `\n${name}: ${tally.files} files, ${mb.toFixed(1)} MB, ${tally.lines} lines, ${(tally.bytes / 1e3 / tally.ms).toFixed(0)} MB/s; ` +
      `${found} findings, ${(found / mb).toFixed(2)} per MB, and ${tally.repeated} repetitions of them.\n`,
  );
  const rows = [...tally.places].sort(([, a], [, b]) => b.length - a.length);
  const shown = rows.map(([kind, places]) => [
    kind,
    String(places.length),
    (places.length / mb).toFixed(3),
    places.slice(0, SHOWN).join(" "),
  ]);
  if (shown.length > 0) process.stdout.write(renderTable(["rule", "findings", "per MB", "first places"], shown));
}
