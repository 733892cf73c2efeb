import type { Register } from "./command.ts";
import { analyze } from "./commands/analyze.ts";
import { apiKey } from "./commands/api-key.ts";
import { app } from "./commands/app.ts";
import { audit } from "./commands/audit.ts";
import { authorize } from "./commands/authorize.ts";
import { backup, restore } from "./commands/backup.ts";
import { budget } from "./commands/budget.ts";
import { canary } from "./commands/canary.ts";
import { collectTelemetry } from "./commands/collect.ts";
import { diagnose } from "./commands/diagnose.ts";
import { doctor } from "./commands/doctor.ts";
import { exportSpans } from "./commands/export.ts";
import { importTraces } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { learn } from "./commands/learn.ts";
import { loop } from "./commands/loop.ts";
import { mcp } from "./commands/mcp.ts";
import { propose } from "./commands/propose.ts";
import { proxy } from "./commands/proxy.ts";
import { record } from "./commands/record.ts";
import { regressions } from "./commands/regressions.ts";
import { replay } from "./commands/replay.ts";
import { retain } from "./commands/retain.ts";
import { rules } from "./commands/rules.ts";
import { serve } from "./commands/serve.ts";
import { session } from "./commands/session.ts";
import { slo } from "./commands/slo.ts";
import { spec } from "./commands/spec.ts";
import { resume, stop } from "./commands/stop.ts";
import { traces } from "./commands/traces.ts";
import { validate } from "./commands/validate.ts";
import { processIo, type Io } from "./io.ts";
import { runProgram } from "./program.ts";

const COMMANDS: readonly Register[] = [
  loop,
  session,
  proxy,
  collectTelemetry,
  importTraces,
  exportSpans,
  retain,
  backup,
  restore,
  traces,
  analyze,
  spec,
  regressions,
  slo,
  diagnose,
  validate,
  propose,
  canary,
  record,
  learn,
  rules,
  replay,
  budget,
  audit,
  authorize,
  stop,
  resume,
  init,
  doctor,
  serve,
  app,
  mcp,
  apiKey,
];

/** Runs the command line and resolves with the exit code (INTERFACES: 0 pass, 1 fail, 2 usage, 3 inconclusive). */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  return await runProgram(COMMANDS, argv, io);
}
