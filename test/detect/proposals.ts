import type { DetectInputs } from "../../src/model/detect.ts";
import type { Proposal, SessionAnswer } from "../../src/model/proposal.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { fingerprintInput, parsePatch } from "../../src/protect/patch.ts";
import { proposal } from "../propose/parts.ts";

/** A patch that adds these lines to one file. */
export function adding(...lines: readonly string[]): string {
  return [
    "diff --git a/src/a.ts b/src/a.ts",
    "--- a/src/a.ts",
    "+++ b/src/a.ts",
    `@@ -1 +1,${lines.length + 1} @@`,
    " same",
    ...lines.map((line) => `+${line}`),
    "",
  ].join("\n");
}

/** A proposal of which all digests fit. */
export function proposing(over: Partial<SessionAnswer> = {}): Proposal {
  const answer = { ...proposal.answer, ...over };
  const parsed = parsePatch(answer.patch);
  const fingerprint = sha256(parsed.ok ? fingerprintInput(parsed.patch) : answer.patch);
  return { ...proposal, answer, patchDigest: sha256(answer.patch), fingerprint };
}

/** What a harmless proposal is held against. */
export const INPUTS: DetectInputs = {
  wall: { ok: true, reasons: ["ok"], details: [] },
  calls: { search: { calls: 20, failed: 0 }, list: { calls: 20, failed: 3 } },
};
