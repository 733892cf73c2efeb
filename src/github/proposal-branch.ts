import type { ProposalBranch } from "./port.ts";

/** The commit message of a proposal: its title on one line (white space collapsed), an empty line, the report. */
export function commitMessage({ title, body }: Pick<ProposalBranch, "title" | "body">): {
  readonly title: string;
  readonly message: string;
} {
  const line = title.replaceAll(/\s+/g, " ").trim();
  return { title: line, message: `${line}\n\n${body.trimEnd()}\n` };
}

/** Whether a branch lies below a prefix; `whetstone` and `whetstone/` mean the same, empty means all. */
export function isBelow(branch: string, prefix: string): boolean {
  return prefix === "" || branch.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}
