import { hash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderTable } from "../src/cli/table.ts";
import { openGitState } from "../src/github/git-state.ts";
import { runGit } from "../src/github/git.ts";
import { openMemoryState } from "../src/github/memory-state.ts";
import type { StateStore } from "../src/github/state-port.ts";
import type { LedgerEntry } from "../src/model/ledger.ts";
import { manualClock } from "../src/model/time.ts";
import { sha256 } from "../src/protect/digest.ts";
import { chain, CHAIN_START, type ChainTip } from "../src/protect/ledger-chain.ts";
import { ledgerLine } from "../src/protect/ledger-line.ts";
import { appendLedger, verifyLedger } from "../src/protect/ledger.ts";
import { openLedgerIndex } from "../src/protect/ledger-index.ts";

/**
 * What an append costs behind ledgers of growing length, and what verifying and asking cost, beside their floors: SHA-256
 * of the same bytes; for git, the three processes that an append takes, doing nothing. Medians. The targets: an append
 * below 2 ms and 200,000 verified records/s in the memory of one process, an answer of the index below 1 s.
 * `LEDGER_RECORDS` sets the greatest length (default 1,000,000).
 */
const MOST = Number(process.env["LEDGER_RECORDS"] ?? 1_000_000);
const SEGMENT_RECORDS = 280;
const TIME = "2026-11-20T10:00:00.000000Z";
const clock = manualClock(BigInt(Date.parse(TIME)) * 1_000_000n);

const entry = (n: number): LedgerEntry => ({
  actor: { type: n % 3 === 0 ? "person" : "workflow", id: n % 3 === 0 ? "ada" : `run-${n % 1_000}` },
  operation: ["loop.start", "validate", "propose", "record"][n % 4] ?? "record",
  target: `server-${n % 50}`,
  decision: n % 7 === 0 ? "deny" : "allow",
  reasonCode: n % 7 === 0 ? "path_forbidden" : "ok",
  result: `outcome ${n}`,
  parametersDigest: "0".repeat(64),
  run: `r-${n}`,
});

/** The files of a ledger of so many records, made without appending one by one. */
function files(count: number): Map<string, string> {
  const made = new Map<string, string>();
  let tip: ChainTip = CHAIN_START;
  for (let from = 0, part = 1; from < count; from += SEGMENT_RECORDS, part += 1) {
    const entries = Array.from({ length: Math.min(SEGMENT_RECORDS, count - from) }, (_, n) => entry(from + n));
    const records = chain(tip, entries, { time: TIME, hash: sha256 });
    tip = records.at(-1) ?? tip;
    const suffix = part === 1 ? "" : `.part${String(part).padStart(6, "0")}`;
    made.set(`ledger/2026-11${suffix}.ndjson`, records.map((record) => `${ledgerLine(record)}\n`).join(""));
  }
  made.set(
    "ledger-tip.json",
    `${JSON.stringify({ digest: tip.digest, schema: "whetstone.ledger-tip/1", seq: tip.seq })}\n`,
  );
  return made;
}

/** In several commits: a million records are too many for one. */
async function put(state: StateStore, made: ReadonlyMap<string, string>): Promise<void> {
  const files = [...made];
  for (let from = 0; from < files.length; from += 500) {
    const change = new Map(files.slice(from, from + 500));
    await state.update("bench", async () => ({ change, value: undefined }));
  }
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds of one run. */
async function timed(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function appends(state: StateStore, rounds: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < rounds; n += 1) times.push(await timed(() => appendLedger(state, [entry(n)], { clock })));
  return median(times);
}

const rows: string[][] = [];
for (const count of [1_000, 20_000, MOST]) {
  const made = files(count);
  const lines = [...made.values()].flatMap((text) => text.trimEnd().split("\n"));
  const state = openMemoryState();
  await put(state, made);
  const view = await state.view();
  const floors: number[] = [];
  const verified: number[] = [];
  for (let round = 0; round < (count > 100_000 ? 2 : 5); round += 1) {
    floors.push(await timed(() => lines.forEach((line) => hash("sha256", line))));
    verified.push(await timed(() => verifyLedger(view)));
  }
  rows.push([
    String(count),
    String(made.size - 1),
    (await appends(state, 300)).toFixed(2),
    Math.round((count / median(verified)) * 1e3).toLocaleString("en"),
    Math.round((count / median(floors)) * 1e3).toLocaleString("en"),
    (median(verified) / median(floors)).toFixed(1),
  ]);
}
process.stdout.write("Memory twin of the state:\n");
process.stdout.write(
  renderTable(["records", "files", "append ms", "verified records/s", "SHA-256 alone", "× floor"], rows),
);

const folder = await mkdtemp(join(tmpdir(), "whetstone-bench-"));
try {
  await runGit({ args: ["init", "--quiet"], cwd: folder });
  const git = openGitState({ cwd: folder, now: clock.now });
  await put(git, files(20_000));
  const gitAppend = await appends(git, 9);
  const gitVerify = median([
    await timed(async () => verifyLedger(await git.view())),
    await timed(async () => verifyLedger(await git.view())),
    await timed(async () => verifyLedger(await git.view())),
  ]);
  const floors: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    floors.push(
      await timed(async () => {
        for (const _process of [1, 2, 3]) await runGit({ args: ["--version"], cwd: folder });
      }),
    );
  }
  const floor = median(floors);
  process.stdout.write(
    `\nGit state with 20,000 records: append ${gitAppend.toFixed(1)} ms (${(gitAppend / floor).toFixed(1)} × three git processes that do ` +
      `nothing, ${floor.toFixed(1)} ms), verified ${Math.round((20_000 / gitVerify) * 1e3).toLocaleString("en")} records/s.\n`,
  );
  const memory = openMemoryState();
  await put(memory, files(MOST));
  const view = await memory.view();
  const path = join(folder, "index.db");
  const built = await timed(async () => (await openLedgerIndex(view, { path })).close());
  const index = await openLedgerIndex(view, { path });
  const asked: string[][] = [];
  for (const [name, filter] of Object.entries({
    "the newest": {},
    "an actor": { actor: "ada" },
    "operation and decision": { operation: "propose", decision: "deny" },
    "target and reason": { target: "server-7", reason: "path_forbidden" },
    "matches nothing": { target: "no such" },
  } as const)) {
    const times = [];
    for (let round = 0; round < 5; round += 1) times.push(await timed(() => index.query(filter, { limit: 20 })));
    asked.push([name, String((await index.query(filter, { limit: 20 })).total), median(times).toFixed(1)]);
  }
  index.close();
  process.stdout.write(`\nIndex of ${MOST.toLocaleString("en")} records, built in ${(built / 1e3).toFixed(1)} s:\n`);
  process.stdout.write(renderTable(["question", "found", "ms"], asked));
} finally {
  await rm(folder, { recursive: true, force: true });
}
