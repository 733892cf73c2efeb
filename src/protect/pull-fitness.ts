import type { FoundPull } from "../github/host-port.ts";

/** Which pull request is meant, and where pull requests go. `headSha`: the commit that a person saw. */
export type PullWanted = { readonly number: number; readonly headSha?: string; readonly defaultBranch: string };

/**
 * Why the change of a pull request is not run, in one sentence; undefined when nothing is against it. Code of a fork is a
 * stranger's: a comment must not start it on machines of the repository.
 */
export function pullFault(
  pull: FoundPull | undefined,
  { number, headSha, defaultBranch }: PullWanted,
): string | undefined {
  if (pull === undefined) return `There is no pull request #${number}.`;
  if (pull.merged) return `#${number} is merged: its change is on ${defaultBranch} already.`;
  if (pull.state !== "open") return `#${number} is closed.`;
  if (pull.fork) {
    return `#${number} comes from a fork: whoever wrote it may not write here, and their code is not started by a comment.`;
  }
  if (pull.base !== defaultBranch) return `#${number} is for ${pull.base}; what is measured is ${defaultBranch}.`;
  if (headSha === undefined || pull.headSha === headSha) return undefined;
  return `#${number} was at ${short(headSha)} when it was asked for and is at ${short(pull.headSha)} now.`;
}

function short(sha: string): string {
  return sha.slice(0, 12);
}
