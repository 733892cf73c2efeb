import type { GateSeen } from "../../canary/gate-count.ts";
import { gateCounter } from "../../canary/gate-counter.ts";
import { FREEZE_MS } from "../../canary/window.ts";
import { gateLooks } from "../../capture/gate-looks.ts";
import type { AppSettings } from "../../config/app.ts";
import type { CanarySettings } from "../../config/schema.ts";
import type { HandlerContext } from "../handler.ts";
import type { GateRecord } from "./record.ts";

/** By what a look judges. `nowMs`: since the Unix epoch. */
export type GateLight = {
  readonly target: string;
  readonly canary: CanarySettings;
  readonly settings: Pick<AppSettings["gate"], "weight" | "minimumCalls">;
  readonly nowMs: number;
  /** Everything is read anew, as for a decision. */
  readonly anew?: boolean;
};

/**
 * What this server's telemetry shows of a gate's calls; undefined where it holds none.
 * @throws WhetstoneError `store_read_failed`, `usage` for settings that cannot be meant
 */
export async function seeGate(
  { telemetry, looks, repository }: Pick<HandlerContext, "telemetry" | "looks" | "repository">,
  { id, sha, startedAt }: GateRecord,
  { target, canary, settings, nowMs, anew = false }: GateLight,
): Promise<GateSeen | undefined> {
  if (telemetry === undefined) return undefined;
  const { weight = null, minimumCalls } = settings;
  const startedMs = Date.parse(startedAt);
  return await (looks ?? gateLooks(telemetry, gateCounter)).look({
    anew,
    id: `${repository.owner}/${repository.repo}/${id}`,
    window: { target, sha, startedMs, beforeMs: FREEZE_MS, nowMs },
    rules: { settings: canary, look: { weight, minimumCalls, startedMs } },
  });
}
