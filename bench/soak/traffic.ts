import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import yoctoSpinner from "yocto-spinner";
import { renderTable } from "../../src/cli/table.ts";
import { GROWTH_RULE, type Growth } from "./growth.ts";
import { MOST_WAITING, RECEIVER, soakTraffic } from "./traffic-run.ts";

// `npm run soak [-- --minutes 10 --rate 5000 --proxies 1]`: calls through stdio proxies, whose spans go over OTLP to
// one receiver. Exit code 1 when a call has no span of either side, a process complains, or its memory grows (judged from
// three minutes on). A rate that this machine does not reach is said in the table and is no failure: more --proxies may
// help.
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "5000" },
    proxies: { type: "string", default: "1" },
  },
});
const [minutes, rate, proxies] = [values.minutes, values.rate, values.proxies].map(Number) as [number, number, number];
if (!(minutes > 0 && rate > 0 && Number.isInteger(proxies) && proxies > 0)) {
  process.stderr.write("--minutes and --rate are numbers above 0, --proxies a whole one.\n");
  process.exit(2);
}

/** Resident memory that the receiver is to keep within while it takes spans in; told and not judged. */
const RECEIVER_GOAL_BYTES = 256e6;

/** In less time heaps and caches are still filling up, and memory is told but not judged. */
const JUDGED_MINUTES = 3;
const isJudged = minutes >= JUDGED_MINUTES;

const folder = mkdtempSync(join(tmpdir(), "whetstone-soak-"));
const spinner = process.stderr.isTTY ? yoctoSpinner({ text: "starting", handleSignals: false }).start() : undefined;
try {
  const result = await soakTraffic({
    folder,
    seconds: minutes * 60,
    rate,
    proxies,
    onProgress: (seconds, answered) => {
      if (spinner) spinner.text = `${seconds.toFixed(0)} of ${minutes * 60} s: ${answered} calls`;
    },
  });
  spinner?.stop();
  const made = result.calls / result.seconds;
  const rows = [
    ["calls answered", `${result.calls} in ${result.seconds.toFixed(0)} s, ${proxies} proxies`, ""],
    ["calls per second", made.toFixed(0), `asked for: ${rate}`],
    ["most calls under way", String(result.mostWaiting), `at most ${MOST_WAITING}`],
    ["spans in the rollups", String(result.rolledUp), `exactly ${result.calls * 2}`],
    ["counts that differ", result.differences.length === 0 ? "none" : result.differences.join("\n"), "none"],
    ["complaints", result.complaints.length === 0 ? "none" : result.complaints.join("\n"), "none"],
    ...Object.entries(result.memory).flatMap(([name, growth]) => memoryRows(name, growth)),
  ];
  process.stdout.write(renderTable(["what", "measured", "limit"], rows));
  process.stdout.write(`${GROWTH_RULE}\n`);
  if (!isJudged) process.stdout.write(`Below ${JUDGED_MINUTES} minutes memory is not judged.\n`);
  const failed = [
    ...(result.differences.length > 0 || result.rolledUp !== result.calls * 2 ? ["counts differ"] : []),
    ...(result.complaints.length > 0 ? ["complaints"] : []),
    ...Object.entries(result.memory).flatMap(([name, { isFlat }]) =>
      isFlat || !isJudged ? [] : [`memory of the ${name} grows`],
    ),
  ];
  process.stdout.write(failed.length === 0 ? "Passed.\n" : `FAILED: ${failed.join("; ")}.\n`);
  if (failed.length > 0) process.exitCode = 1;
} finally {
  spinner?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function memoryRows(name: string, { median, peak, added, overMs, limit, isFlat }: Growth): string[][] {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  const trend = `${added < 0 ? "−" : "+"} ${mb(Math.abs(added))} over the last ${(overMs / 1_000).toFixed(0)} s`;
  const goal = peak <= RECEIVER_GOAL_BYTES ? "met" : "MISSED";
  return [
    [
      `memory of the ${name}: trend`,
      `${trend}: ${isFlat ? "flat" : isJudged ? "GROWS" : "not judged"}`,
      `+ ${mb(limit)}`,
    ],
    [
      `memory of the ${name}: level`,
      `median ${mb(median)}, peak ${mb(peak)}`,
      name === RECEIVER ? `goal ${mb(RECEIVER_GOAL_BYTES)}: ${goal}` : "",
    ],
  ];
}
