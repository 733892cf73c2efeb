import { appendLedger } from "../../protect/ledger.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Evidence } from "../../model/finding.ts";
import type { ValidationReport } from "../../model/verdict.ts";
import { recompute } from "../../loop/replay.ts";
import { ledgerEntry } from "../../loop/run.ts";
import { openDossier } from "../../protect/dossier.ts";
import { proposeStage } from "../../propose/stage.ts";
import { newId, openWorkspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { CommonOptions } from "../command.ts";
import { dossierPath } from "../dossier-path.ts";
import { printJson, type Io } from "../io.ts";
import { readProposal } from "../proposal-file.ts";
import { bind, validateNow } from "./validate.ts";

/** `whetstone propose`: validates first when the dossier holds no passing report about this very patch. */
export async function runPropose(
  named: string,
  options: CommonOptions & { readonly local?: boolean },
  io: Io,
): Promise<number> {
  if (options.local !== true) {
    throw new WhetstoneError("usage", "The command line writes into this git repository only.", {
      remedy: "Add --local; pull requests are opened by the workflow that `whetstone init --workflow` writes.",
    });
  }
  const input = await readProposal(named, io.cwd);
  const { session } = input;
  if (!session) {
    throw new WhetstoneError(
      "session_invalid",
      `${named} holds no session record, so the report cannot say who wrote the change.`,
      {
        remedy: "Name the recorded session or the dossier instead of proposal.json.",
      },
    );
  }
  const workspace = await openWorkspace({ ...options, cwd: io.cwd }, io.env, session.target);
  const proposal = await bind(input, workspace);
  const known = input.validation?.patchDigest === proposal.patchDigest ? input.validation : undefined;
  if (known) await refuseUnlessRecomputes(await dossierPath(named, io.cwd));
  const validation: ValidationReport = known ?? (await validateNow({ workspace, proposal, options, io }));
  const run = newId("r", workspace.clock);
  const evidence = input.evidence ?? noEvidence(proposal.target);
  const deps = { forge: workspace.forge, announce: () => Promise.resolve() };
  const result = await proposeStage(deps, { proposal, session, evidence, validation, dossier: named });
  const passed = result.verdict === "pass";
  const act = {
    operation: "propose",
    decision: passed ? "allow" : "deny",
    reasonCode: result.reasons[0],
    result: result.verdict,
  } as const;
  const entry = ledgerEntry(
    { id: run, actor: localActor(), workspace },
    { ...act, parameters: { patch: proposal.patchDigest } },
  );
  await appendLedger(workspace.state, [entry], { clock: workspace.clock });
  if (options.json)
    printJson(io, {
      verdict: result.verdict,
      reasons: result.reasons,
      branch: passed ? result.value.branch : null,
      validation: validation.verdict,
    });
  else
    io.out(
      passed
        ? `Branch ${result.value.branch}: git show it for the change and its report.\n`
        : `Not proposed: ${result.summary} (${result.reasons.join(", ")}).\n`,
    );
  return passed ? EXIT.pass : EXIT.fail;
}

/** A recorded report is believed only as far as it follows from the recorded results. */
async function refuseUnlessRecomputes(path: string): Promise<void> {
  const wrong = recompute(await openDossier(path)).find(({ equal }) => !equal);
  if (!wrong) return;
  throw new WhetstoneError(
    "dossier_mismatch",
    `${wrong.file} of ${path} does not follow from what is recorded there.`,
    {
      remedy:
        "`whetstone replay` lists every difference; `whetstone propose` with the recorded session validates anew.",
    },
  );
}

/** A recorded session alone carries no telemetry of this repository. */
function noEvidence(target: string): Evidence {
  const moment = "1970-01-01T00:00:00.000Z";
  return {
    schema: "whetstone.evidence/1",
    target,
    window: { since: moment, until: moment },
    traces: 0,
    spans: 0,
    operations: [],
    findings: [],
    omitted: { operations: 0, findings: 0 },
  };
}
