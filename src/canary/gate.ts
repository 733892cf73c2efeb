import type { AppSettings } from "../config/app.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import type { GateSeen } from "./gate-count.ts";

/** The time of a gate: RFC 3339. */
export type GateTime = { readonly startedAt: string; readonly deadlineAt: string };

/** What is known at a look at a canary. */
export type GateLook = {
  readonly gate: GateTime;
  /** Undefined where this server holds no telemetry. */
  readonly seen: GateSeen | undefined;
  readonly settings: Pick<AppSettings["gate"], "windowMinutes" | "atDeadline">;
  /** ms since the Unix epoch. */
  readonly nowMs: number;
};

/** What follows from a look. `verdict` null: there is nothing to judge by. */
export type GateOpinion = {
  readonly state: "approved" | "rejected" | "open";
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly verdict: CanaryVerdict | null;
};

/**
 * Whether a canary may pass: harm ends it at once; it passes when the judge excludes harm and it was watched for the
 * window; everything else waits until the deadline, also what cannot be told for want of telemetry.
 */
export function decideGate(look: GateLook): GateOpinion {
  const { gate, seen, settings, nowMs } = look;
  const verdict = seen?.verdict ?? null;
  if (verdict?.verdict === "rollback") return { state: "rejected", reasons: reasonsOf(verdict), verdict };
  const isWatched = nowMs - Date.parse(gate.startedAt) >= settings.windowMinutes * 60_000;
  if (verdict?.verdict === "promote" && isWatched) return { state: "approved", reasons: reasonsOf(verdict), verdict };
  const open = verdict === null ? (["no_canary_traffic"] as const) : openReasons(verdict);
  const isOver = nowMs >= Date.parse(gate.deadlineAt);
  if (!isOver) return { state: "open", reasons: open, verdict };
  const reasons = [...open, "deadline_reached"] as const;
  return { state: settings.atDeadline === "reject" ? "rejected" : "open", reasons, verdict };
}

function reasonsOf({ reasons }: CanaryVerdict): GateOpinion["reasons"] {
  const [first = "undecided", ...rest] = new Set(reasons);
  return [first, ...rest];
}

/** What stands against passing; a verdict that has only to wait for the window is undecided. */
function openReasons(verdict: CanaryVerdict): GateOpinion["reasons"] {
  return verdict.verdict === "promote" ? ["undecided"] : reasonsOf(verdict);
}

/** Shares of the time to the deadline after which reports are due: early ones soon after each other, later ones rarely. */
const DOUBLINGS = 9;

/** Whether the report of this number (0: the first) is due; there are never more than {@link DOUBLINGS} + 1 of them. */
export function reportIsDue(gate: GateTime & { readonly reports: number }, nowMs: number): boolean {
  if (gate.reports > DOUBLINGS) return false;
  const startedMs = Date.parse(gate.startedAt);
  const whole = Date.parse(gate.deadlineAt) - startedMs;
  return nowMs - startedMs >= (whole * (2 ** gate.reports - 1)) / 2 ** DOUBLINGS;
}
