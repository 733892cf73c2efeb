import { resolve } from "node:path";
import { exportText } from "../../backends/export-text.ts";
import { interruptible } from "../../loop/interrupt.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { codeOf } from "../../model/error.ts";
import type { Span } from "../../model/span.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { parseFilter } from "../../store/filter-text.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import type { ExportOptions } from "../commands/export.ts";
import { configIfAny } from "../config.ts";
import { printJson, type Io } from "../io.ts";

/** `whetstone export`: to a file, whole or not at all, or to standard output. */
export async function runExport(options: ExportOptions, io: Io): Promise<number> {
  const filter = parseFilter(options, systemClock.now());
  const { format, output } = options;
  const places = { ...options, cwd: io.cwd, mustExist: true };
  await using store = await openSpanStore(places, io.env, await configIfAny(options, io));
  const counted = { spans: 0 };
  await interruptible(async (signal) => {
    const text = exportText(counting(store.spans(filter), counted, signal), format);
    if (output === undefined) await toStdout(text, io);
    else await writeFileWhole(resolve(io.cwd, output), text);
  });
  if (output !== undefined && options.json) printJson(io, { file: output, format, spans: counted.spans });
  else io.err(`${countOf(counted.spans, "span")} exported${output === undefined ? "" : ` to ${output}`}.\n`);
  return EXIT.pass;
}

/** Passes batches on, counts their spans, and stops when the signal says so. */
async function* counting(
  batches: AsyncIterable<readonly Span[]>,
  counted: { spans: number },
  signal: AbortSignal,
): AsyncGenerator<readonly Span[]> {
  for await (const batch of batches) {
    signal.throwIfAborted();
    counted.spans += batch.length;
    yield batch;
    // Reading does not wait for anything: without a turn of the event loop no signal would ever arrive.
    await new Promise(setImmediate);
  }
}

/** Ends early, and well, when the reader has what it wanted, as `head` does. */
async function toStdout(text: AsyncIterable<string>, io: Io): Promise<void> {
  try {
    for await (const piece of text) await io.stream(piece);
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
}
