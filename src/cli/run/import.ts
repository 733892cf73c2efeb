import { resolve } from "node:path";
import { importFile, type ImportReport } from "../../backends/import-file.ts";
import { EXIT } from "../../model/codes.ts";
import type { ImportOptions } from "../commands/import.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";

/** `whetstone import`: exit 1 when a file was read and nothing of it could be kept. */
export async function runImport(files: readonly string[], options: ImportOptions, io: Io): Promise<number> {
  await using store = await openCommandStore(options, io);
  const reports: ImportReport[] = [];
  for (const file of files) {
    const path = resolve(io.cwd, file);
    const format = options.format === undefined ? {} : { format: options.format };
    reports.push({ ...(await importFile({ path, ...format, onSpans: store.append })), path: file });
  }
  if (options.json) printJson(io, { files: reports });
  else printReports(io, reports);
  const lost = reports.filter(({ rejected, stored, duplicates }) => rejected.length > 0 && stored + duplicates === 0);
  for (const { path } of lost) io.err(`${path}: every span was rejected.\n`);
  return lost.length === 0 ? EXIT.pass : EXIT.fail;
}

function printReports(io: Io, reports: readonly ImportReport[]): void {
  const rows = reports.map((report) => [
    report.path,
    report.format,
    String(report.read),
    String(report.stored),
    String(report.duplicates),
    report.rejected.map(({ reason, count }) => `${count} × ${reason}`).join("; ") || "0",
  ]);
  io.out(renderTable(["file", "format", "read", "stored", "stored before", "rejected"], rows));
}
