import { EXIT } from "../../model/codes.ts";
import type { LedgerRecord } from "../../model/ledger.ts";
import { ledgerLine } from "../../protect/ledger-line.ts";
import { fits } from "../../protect/ledger-query.ts";
import { recordsOf, segments, type TornLine } from "../../protect/ledger-segment.ts";
import { forCsv } from "../../protect/sanitise-out.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { systemClock } from "../../wire.ts";
import type { ExportLedgerOptions } from "../commands/audit.ts";
import type { Io } from "../io.ts";
import { ledgerFilter } from "../ledger-filter.ts";
import { openLedgerView } from "./audit.ts";

/** Columns of the CSV, and what stands in them. */
const COLUMNS: Readonly<Record<string, (record: LedgerRecord) => string>> = {
  seq: ({ seq }) => String(seq),
  time: ({ time }) => time,
  actor_type: ({ actor }) => actor.type,
  actor_id: ({ actor }) => actor.id,
  operation: ({ operation }) => operation,
  target: ({ target }) => target,
  decision: ({ decision }) => decision,
  reason_code: ({ reasonCode }) => reasonCode,
  result: ({ result }) => result,
  run: ({ run }) => run,
  authorization: ({ authorization }) => authorization ?? "",
  rollback: ({ rollback }) => rollback ?? "",
  parameters_digest: ({ parametersDigest }) => parametersDigest,
  previous: ({ previous }) => previous,
  digest: ({ digest }) => digest,
};

/** The head of the CSV; lines end with `\r\n` (RFC 4180). */
export const CSV_HEAD = `${Object.keys(COLUMNS).join(",")}\r\n`;

/** One record as a line of CSV. */
export function csvLine(record: LedgerRecord): string {
  return `${Object.values(COLUMNS)
    .map((cell) => forCsv(cell(record)))
    .join(",")}\r\n`;
}

/**
 * `whetstone audit export`: as the records stand, file by file; the chain is `audit verify`'s to check, so that a broken
 * ledger can be looked at too.
 */
export async function runExportLedger(options: ExportLedgerOptions, io: Io): Promise<number> {
  const filter = ledgerFilter(options, systemClock.now());
  const csv = options.format === "csv";
  let total = 0;
  let written = 0;
  let torn: TornLine | undefined;
  if (csv) await io.stream(CSV_HEAD);
  for await (const segment of segments(await openLedgerView(io))) {
    torn = segment.torn;
    let text = "";
    for (const { record } of recordsOf(segment, total)) {
      total += 1;
      if (!fits(record, filter)) continue;
      written += 1;
      text += csv ? csvLine(record) : `${ledgerLine(record)}\n`;
    }
    if (text !== "") await io.stream(text);
  }
  io.err(`${written} of ${total} records.\n`);
  if (torn !== undefined) io.err(forTerminal(`The half-written last line of ${torn.segment} was left out.\n`));
  return EXIT.pass;
}
