import { resolve } from "node:path";
import { importFile, type ImportReport } from "../../backends/import-file.ts";
import { EXIT } from "../../model/codes.ts";
import { captureDoor, type CaptureDoor } from "../../protect/capture-door.ts";
import type { ImportOptions } from "../commands/import.ts";
import { captureRules } from "../capture-rules.ts";
import { openCommandStore } from "../command-store.ts";
import { configIfAny } from "../config.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";
import { countOf } from "../../model/count-of.ts";

/** What became of a file: beside the counts of its spans, what the door took out of those that were stored. */
type FileReport = ImportReport & Pick<ReturnType<CaptureDoor["counts"]>, "contentDropped" | "redacted">;

/** `whetstone import`: exit 1 when a file was read and nothing of it could be kept. */
export async function runImport(files: readonly string[], options: ImportOptions, io: Io): Promise<number> {
  const config = await configIfAny(options, io);
  const policy = { captureContent: options.captureContent, services: captureRules(config) };
  await using store = await openCommandStore(options, io);
  const reports: FileReport[] = [];
  for (const file of files) {
    const door = captureDoor(policy);
    const onSpans: typeof store.append = (spans) => store.append(spans.map(door.span));
    const report = await importFile({ path: resolve(io.cwd, file), format: options.format, onSpans });
    const { contentDropped, redacted } = door.counts();
    reports.push({ ...report, path: file, contentDropped, redacted });
  }
  if (options.json) printJson(io, { files: reports });
  else printReports(io, reports);
  tellTakenOut(io, reports);
  const lost = reports.filter(({ rejected, stored, duplicates }) => rejected.length > 0 && stored + duplicates === 0);
  for (const { path } of lost) io.err(`${path}: every span was rejected.\n`);
  return lost.length === 0 ? EXIT.pass : EXIT.fail;
}

function tellTakenOut(io: Io, reports: readonly FileReport[]): void {
  for (const { path, contentDropped, redacted } of reports) {
    if (contentDropped > 0)
      io.err(`${path}: ${countOf(contentDropped, "attribute")} with content dropped; --capture-content keeps them.\n`);
    if (redacted > 0)
      io.err(`${path}: something was redacted in ${countOf(redacted, "attribute or text", "attributes and texts")}.\n`);
  }
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
