import type { StateView } from "../github/state-port.ts";
import { WhetstoneError } from "../model/error.ts";
import { canonicalJson, type Digest } from "../model/json.ts";
import type { RuleAssignment } from "../model/assignment.ts";
import type { LedgerRecord } from "../model/ledger.ts";
import type { Outcome } from "../model/outcome.ts";
import { digestOf } from "../protect/digest.ts";
import { readLedger, verifyLedger } from "../protect/ledger.ts";
import { firstOutcomeOf } from "../learn/trials.ts";

/** Acts whose result is the status of an outcome. */
const ENDS = new Set(["loop.end", "record", "held"]);

/**
 * Numbers come from the ledger: verifies its chain, and that it tells of every outcome with the status that it has,
 * of runs also with their reason and whether the change passed validation.
 * @throws WhetstoneError `ledger_broken` naming the record, or the outcome that the ledger does not know
 */
export async function assertBacked(view: StateView, outcomes: readonly Outcome[]): Promise<void> {
  const verified = await verifyLedger(view);
  if (!verified.ok) {
    throw new WhetstoneError(
      "ledger_broken",
      `The ledger does not verify at record ${verified.seq}: ${verified.detail}`,
      {
        remedy: "Nothing is learned from it. Look at it with `whetstone audit verify`; restore a copy that verifies.",
        data: { seq: verified.seq },
      },
    );
  }
  const { records } = await readLedger(view);
  const of = (operations: ReadonlySet<string>) =>
    new Map(records.filter(({ operation }) => operations.has(operation)).map((one) => [firstOutcomeOf(one.run), one]));
  const [told, validated] = [of(ENDS), of(VALIDATIONS)];
  for (const outcome of outcomes) {
    const end = told.get(outcome.id) ?? laterNews(outcome, { outcomes, records });
    assertTold(outcome, end);
    if (end?.operation === "loop.end") assertMeasured(outcome, end, validated.get(outcome.id));
    else
      assertSame(
        outcome,
        outcomes.find(({ id, dossier }) => dossier === outcome.dossier && id !== outcome.id),
      );
  }
}

/**
 * The ledger holds the digest of every draw: which sessions saw a rule, and with which probability, cannot be chosen
 * afterwards, nor can draws be left out.
 * @throws WhetstoneError `ledger_broken` naming the draw
 */
export async function assertDrawn(
  view: StateView,
  { target, assignments }: { readonly target: string; readonly assignments: readonly RuleAssignment[] },
): Promise<void> {
  const { records } = await readLedger(view);
  const own = records.filter((one) => one.operation === "assign" && one.target === target);
  const drawn = new Map(own.map((one) => [one.run, one.parametersDigest]));
  for (const assignment of assignments) {
    const digest = drawn.get(assignment.run);
    if (digest === undefined || !digestsOf(assignment).includes(digest)) {
      throw alteredDraw(assignment.run, digest === undefined ? "does not know it" : "holds another digest of it");
    }
    drawn.delete(assignment.run);
  }
  const [missing] = drawn.keys();
  if (missing !== undefined) throw alteredDraw(missing, "knows it, and there is no file of it");
}

/** As it was drawn, or as what of it had a part in the session was put on record afterwards. */
function digestsOf(assignment: RuleAssignment): Digest[] {
  const { run, target, findings, arms } = assignment;
  return [digestOf(assignment), digestOf({ run, target, findings, arms })];
}

function alteredDraw(run: string, says: string): WhetstoneError {
  return new WhetstoneError("ledger_broken", `The draw of ${run} was altered: the ledger ${says}.`, {
    remedy: "Nothing is learned from it. Restore the file from an earlier commit of the branch whetstone/state.",
    data: { run },
  });
}

type Known = { readonly outcomes: readonly Outcome[]; readonly records: readonly LedgerRecord[] };

/**
 * The record of what became of a proposal on GitHub. Its run is the delivery that told of it: it belongs to the outcome
 * whose dossier, status and key it has the digest of; the key ends the outcome's id, after that of the run's own.
 */
function laterNews({ id, dossier, status }: Outcome, { outcomes, records }: Known): LedgerRecord | undefined {
  const keys = outcomes.flatMap((origin) => {
    const start = `${origin.id}-${status.replace("_", "-")}-`;
    return origin.dossier === dossier && id.startsWith(start) ? [id.slice(start.length)] : [];
  });
  const digests = new Set(keys.map((key) => digestOf({ dossier, status, key })));
  return records.find((one) => one.operation === "outcome" && digests.has(one.parametersDigest));
}

/** What becomes of a proposal later changes nothing of what was measured of it. */
function assertSame(later: Outcome, other: Outcome | undefined): void {
  const facts = ({ proposal, fingerprint, validated, findings }: Outcome): string =>
    canonicalJson({ proposal, fingerprint, validated: validated ?? null, findings });
  if (other === undefined || facts(later) === facts(other)) return;
  throw altered(later.id, "other things were measured than at first", `${other.id} is of the same dossier`);
}

const VALIDATIONS = new Set(["validate"]);

/** What is counted besides the status: why a run ended so, and whether its change passed validation. */
function assertMeasured(outcome: Outcome, end: LedgerRecord, validation: LedgerRecord | undefined): void {
  const [reason] = outcome.reasons;
  if (end.reasonCode !== reason) throw altered(outcome.id, `it ended for ${reason}`, end.reasonCode);
  const passed = validation?.result === "pass";
  if (outcome.validated === undefined || outcome.validated === passed) return;
  const says = validation === undefined ? "knows of no validation" : `says ${validation.result}`;
  throw altered(outcome.id, `its validation ${outcome.validated ? "passed" : "did not pass"}`, says);
}

function altered(id: string, claim: string, says: string): WhetstoneError {
  return new WhetstoneError("ledger_broken", `The outcome ${id} says that ${claim}, but the ledger: ${says}.`, {
    remedy: "Nothing is learned from it. Restore the file from an earlier commit of the branch whetstone/state.",
    data: { outcome: id },
  });
}

function assertTold({ id, status }: Outcome, record: LedgerRecord | undefined): void {
  if (record?.result === status) return;
  const says = record === undefined ? "does not know it" : `says ${record.result}`;
  throw new WhetstoneError("ledger_broken", `The outcome ${id} says ${status}, but the ledger ${says}.`, {
    remedy: "Nothing is learned from it. Restore the file from an earlier commit of the branch whetstone/state.",
    data: { outcome: id },
  });
}
