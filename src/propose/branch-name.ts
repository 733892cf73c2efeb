import type { Proposal } from "../model/proposal.ts";

/** Every proposal branch starts with this. */
export const PROPOSAL_PREFIX = "whetstone/proposal/";

/** `whetstone/proposal/<target>/<first 12 digits of the fingerprint>`: equal ideas share a branch. */
export function formatBranchName(proposal: Pick<Proposal, "target" | "fingerprint">): string {
  return `${PROPOSAL_PREFIX}${proposal.target}/${proposal.fingerprint.slice(0, 12)}`;
}

/** Inverse of {@link formatBranchName}; undefined for any other branch. */
export function parseBranchName(branch: string): { target: string; fingerprintPrefix: string } | undefined {
  const match = /^whetstone\/proposal\/([a-z0-9][a-z0-9-]*)\/([0-9a-f]{12})$/.exec(branch);
  return match?.[1] !== undefined && match[2] !== undefined
    ? { target: match[1], fingerprintPrefix: match[2] }
    : undefined;
}
