import { mkdirSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { z } from "zod";
import { ApprovalRecord } from "../src/app/approval/approval-record.ts";
import { WaitingCommand } from "../src/app/approval/waiting.ts";
import { Explanation } from "../src/app/commands/explanation.ts";
import { GateRecord } from "../src/app/gate/record.ts";
import { AaReport } from "../src/canary/aa-report.ts";
import { AaHistory } from "../src/canary/live-aa.ts";
import { Rollout } from "../src/canary/rollout-record.ts";
import { RolloutStatus } from "../src/canary/rollout-status.ts";
import { Config } from "../src/config/schema.ts";
import { RuleAssignment } from "../src/model/assignment.ts";
import { AskedRun } from "../src/model/asked-run.ts";
import { Authorization, PublicKeyRecord } from "../src/model/authorization.ts";
import { BudgetDay, BudgetReport } from "../src/model/budget.ts";
import { Workload } from "../src/model/call.ts";
import { DossierManifest } from "../src/model/dossier.ts";
import { Evidence } from "../src/model/finding.ts";
import { LedgerRecord } from "../src/model/ledger.ts";
import { LedgerCheckpoint } from "../src/protect/ledger-checkpoint.ts";
import { LearningReport } from "../src/model/learning.ts";
import { ShadowReport } from "../src/loop/shadow-report.ts";
import { Outcome, Rule } from "../src/model/outcome.ts";
import { Proposal, SessionRecord } from "../src/model/proposal.ts";
import { RollbackRecord } from "../src/model/rollback.ts";
import { StopRecord } from "../src/model/stop.ts";
import { SweepRecord } from "../src/protect/stop/sweep-record.ts";
import { RegressionReport } from "../src/model/regression.ts";
import { SloReport } from "../src/model/slo.ts";
import { StepVerdict } from "../src/model/step-verdict.ts";
import { ApiKeyRecord } from "../src/protect/api-key.ts";
import { CanaryVerdict, ValidationReport } from "../src/model/verdict.ts";
import { CheckResult } from "../src/specs/result.ts";
import { TraceSpecFile } from "../src/specs/schema.ts";

/** JSON Schemas of every file that Whetstone reads or writes, generated from the zod schemas. */
export const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  whetstone: Config,
  workload: Workload,
  session: SessionRecord,
  proposal: Proposal,
  evidence: Evidence,
  validation: ValidationReport,
  "step-verdict": StepVerdict,
  canary: CanaryVerdict,
  "canary-aa": AaReport,
  "canary-aa-live": AaHistory,
  rollout: Rollout,
  "rollout-status": RolloutStatus,
  gate: GateRecord,
  rollback: RollbackRecord,
  stop: StopRecord,
  "stop-sweep": SweepRecord,
  approval: ApprovalRecord,
  "asked-run": AskedRun,
  "waiting-command": WaitingCommand,
  explanation: Explanation,
  shadow: ShadowReport,
  outcome: Outcome,
  rule: Rule,
  assignment: RuleAssignment,
  learning: LearningReport,
  budget: BudgetDay,
  "budget-report": BudgetReport,
  ledger: LedgerRecord,
  "ledger-checkpoint": LedgerCheckpoint,
  dossier: DossierManifest,
  spec: TraceSpecFile,
  "spec-check": CheckResult,
  "api-key": ApiKeyRecord,
  authorization: Authorization,
  "authorization-key": PublicKeyRecord,
  regressions: RegressionReport,
  slo: SloReport,
};

/** The text of `schemas/<name>.schema.json`. */
export async function schemaText(name: string): Promise<string> {
  const schema = SCHEMAS[name];
  if (!schema) throw new Error(`There is no schema ${name}.`);
  const file = `schemas/${name}.schema.json`;
  const body = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
  return format(JSON.stringify({ title: `Whetstone ${name}`, ...body }), {
    ...(await resolveConfig(file)),
    parser: "json",
  });
}

if (import.meta.main) {
  mkdirSync("schemas", { recursive: true });
  for (const name of Object.keys(SCHEMAS)) writeFileSync(`schemas/${name}.schema.json`, await schemaText(name));
}
