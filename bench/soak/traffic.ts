import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import yoctoSpinner from "yocto-spinner";
import { renderTable } from "../../src/cli/table.ts";
import { MOST_WAITING, soakTraffic } from "./traffic-run.ts";

// `npm run soak [-- --minutes 10 --rate 5000 --proxies 1]`: calls through stdio proxies, whose spans go over OTLP to
// one receiver. Exit code 1 when a call has no span of either side, a process complains, or its memory grows. A rate
// that this machine does not reach is said in the table and is no failure: more --proxies may help.
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
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  const rows = [
    ["calls answered", `${result.calls} in ${result.seconds.toFixed(0)} s, ${proxies} proxies`],
    ["calls per second", `${made.toFixed(0)} of ${rate} asked for`],
    ["most calls under way", `${result.mostWaiting} (at most ${MOST_WAITING})`],
    ["spans in the rollups", `${result.rolledUp} of ${result.calls * 2}`],
    ["counts that differ", result.differences.length === 0 ? "none" : result.differences.join("\n")],
    ["complaints", result.complaints.length === 0 ? "none" : result.complaints.join("\n")],
    ...Object.entries(result.memory).map(([name, { median, peak, added, isFlat }]) => [
      `memory of the ${name}`,
      `${mb(median)}, peak ${mb(peak)}, trend ${added < 0 ? "−" : "+"} ${mb(Math.abs(added))}: ${isFlat ? "flat" : "GROWS"}`,
    ]),
  ];
  process.stdout.write(renderTable(["what", "measured"], rows));
  const isWhole = result.differences.length === 0 && result.rolledUp === result.calls * 2;
  const isFlat = Object.values(result.memory).every((growth) => growth.isFlat);
  if (!isWhole || !isFlat || result.complaints.length > 0) process.exitCode = 1;
} finally {
  spinner?.stop();
  rmSync(folder, { recursive: true, force: true });
}
