import { cell } from "../page-text.ts";
import type { Approval, MissingApproval } from "./approval.ts";

const WHY: Readonly<Record<MissingApproval, string>> = {
  no_pull: "there is no such pull request",
  closed: "it is closed",
  fork: "its branch is in another repository",
  nobody: "nobody has approved it",
  not_independent: "only people who wrote part of it have approved it",
  not_permitted: "only people without write permission have approved it",
  objected: "somebody asked for changes",
};

/** How the approval of a pull request stands, as half a sentence of Markdown. */
export function approvalLine(approval: Approval): string {
  switch (approval.kind) {
    case "approved":
      return `approved by ${cell(approval.by)} for ${approval.sha.slice(0, 12)}`;
    case "stale":
      return `the approval by ${cell(approval.by)} is of ${approval.sha?.slice(0, 12) ?? "another commit"}, and ${approval.head.slice(0, 12)} stands here now`;
    case "missing":
      return `not approved: ${WHY[approval.why]}`;
  }
}
