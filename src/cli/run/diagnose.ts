import { diagnose, type Diagnosis } from "../../analyze/diagnose/diagnose.ts";
import { EXIT } from "../../model/codes.ts";
import { systemClock } from "../../wire.ts";
import type { DiagnoseCommandOptions } from "../commands/diagnose.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { oneLine, renderTable } from "../table.ts";
import { readTraceSource, type TraceSet } from "../trace-source.ts";
import { countOf } from "../../model/count-of.ts";

/** `whetstone diagnose`: 0 with suspects, 3 where the traces do not tell. */
export async function runDiagnose(options: DiagnoseCommandOptions, io: Io): Promise<number> {
  const context = {
    cwd: io.cwd,
    now: systemClock.now(),
    openStore: () => openCommandStore(options, io, { mustExist: true }),
  };
  const baseline = await readTraceSource(options.baseline, context);
  const incident = await readTraceSource(options.incident, context);
  for (const note of [...baseline.notes, ...incident.notes]) io.err(oneLine(`note: ${note}`).concat("\n"));
  const diagnosis = diagnose(baseline.traces, incident.traces);
  if (options.json) printJson(io, diagnosis);
  else print(io, diagnosis, { baseline, incident });
  return diagnosis.ranked.length === 0 ? EXIT.inconclusive : EXIT.pass;
}

function print(
  io: Io,
  { ranked }: Diagnosis,
  { baseline, incident }: { readonly baseline: TraceSet; readonly incident: TraceSet },
): void {
  io.out(
    `${countOf(incident.traces.length, "trace")} of the incident beside ${baseline.traces.length} from before\n\n`,
  );
  if (ranked.length === 0) {
    io.out("No operation changed by more than chance explains: the traces do not tell where a fault began.\n");
    return;
  }
  const rows = ranked.map(({ service, operation, score }, i) => [String(i + 1), service, operation, score.toFixed(2)]);
  io.out(renderTable(["", "service", "operation", "score"], rows));
  for (const [index, { operation, reasons, traceIds }] of ranked.entries()) {
    io.out(`\n${index + 1}. ${oneLine(operation)}\n`);
    for (const reason of reasons) io.out(`   ${oneLine(reason)}\n`);
    io.out(`   trace ${traceIds[0] ?? "none"}\n`);
  }
}
