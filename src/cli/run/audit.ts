import { EXIT } from "../../model/codes.ts";
import { openGitStateReader } from "../../github/git-state.ts";
import { repositoryRoot } from "../../github/repository.ts";
import type { StateView } from "../../github/state-port.ts";
import { readLedger, verifyLedger } from "../../protect/ledger.ts";
import type { CommonOptions } from "../command.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";

async function openView(io: Io): Promise<StateView> {
  return openGitStateReader({ cwd: await repositoryRoot(io.cwd) }).view();
}

/** `whetstone audit verify`. */
export async function runVerify(options: CommonOptions, io: Io): Promise<number> {
  const result = await verifyLedger(await openView(io));
  if (options.json) printJson(io, result);
  else if (result.ok) io.out(`The ledger verifies: ${result.records} records.\n`);
  else io.out(`The ledger does not verify at record ${result.seq}: ${result.detail}\n`);
  return result.ok ? EXIT.pass : EXIT.fail;
}

/** `whetstone audit show`: the newest records last. */
export async function runShowLedger(options: CommonOptions & { readonly limit: string }, io: Io): Promise<number> {
  const { records } = await readLedger(await openView(io));
  const shown = records.slice(-Math.max(1, Number.parseInt(options.limit, 10) || 20));
  if (options.json) printJson(io, { total: records.length, returned: shown.length, records: shown });
  else {
    const rows = shown.map((r) => [
      String(r.seq),
      r.time,
      `${r.actor.type} ${r.actor.id}`,
      r.operation,
      r.decision,
      r.reasonCode,
      r.result,
    ]);
    io.out(renderTable(["seq", "time", "actor", "operation", "decision", "reason", "result"], rows));
    io.out(`${shown.length} of ${records.length} records.\n`);
  }
  return EXIT.pass;
}
