import type { Authority, RiskLevel } from "../model/authorization.ts";
import { WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";

/** What an operation is and what it takes. */
type Declaration = {
  readonly class: "read" | "protected_write";
  /** What a person must hold to permit it. */
  readonly role: Authority;
  /** `low` needs no authorization: it is undone by deleting what it made, and is done at the user's own command. */
  readonly risk: RiskLevel;
  /** Why the risk is what it is. */
  readonly because: readonly [string, ...string[]];
  /** Goes on while the kill switch is set: reading, ending what runs, and lifting the stop itself. */
  readonly whileStopped: boolean;
  readonly affects: string;
  readonly rollback: string | null;
};

const read = (affects: string): Declaration => ({
  class: "read",
  role: "operator",
  risk: "low",
  because: ["It changes nothing."],
  whileStopped: true,
  affects,
  rollback: null,
});

const write = (rest: Omit<Declaration, "class">): Declaration => ({ class: "protected_write", ...rest });

/** Every operation of Whetstone that reads or changes something protected, declared once. */
export const OPERATIONS = {
  "state.read": read("branch whetstone/state"),
  "repository.read": read("commits and branches"),
  "state.write": write({
    role: "operator",
    risk: "low",
    because: ["Only the branch whetstone/state grows; its history stays."],
    whileStopped: true, // how a run ended, and who stopped it, must be on record
    affects: "branch whetstone/state",
    rollback: "git branch -f whetstone/state EARLIER",
  }),
  "proposal.open": write({
    role: "operator",
    risk: "low",
    because: ["A branch of its own; nothing runs it and nobody has to merge it."],
    whileStopped: false,
    affects: "branch whetstone/proposal/…",
    rollback: "git branch -D BRANCH",
  }),
  "proposal.publish": write({
    role: "operator",
    risk: "low",
    because: ["A draft pull request with its texts, labels and check; people decide on it."],
    whileStopped: false,
    affects: "pull request of the proposal",
    rollback: "close the pull request",
  }),
  "issue.write": write({
    role: "operator",
    risk: "low",
    because: ["One issue per target that says how the last run ended."],
    whileStopped: true, // that a run was stopped is told too
    affects: "the target's issue",
    rollback: "close the issue",
  }),
  "check.write": write({
    role: "operator",
    risk: "low",
    because: ["A check run says how a stage stands; it merges and deploys nothing."],
    whileStopped: true, // that something was stopped is shown too
    affects: "check runs of a commit",
    rollback: null,
  }),
  "comment.write": write({
    role: "operator",
    risk: "low",
    because: ["One comment per purpose, updated in place."],
    whileStopped: true, // people are answered then too
    affects: "the comment of Whetstone in a conversation",
    rollback: "delete the comment",
  }),
  "workflow.start": write({
    role: "operator",
    risk: "low",
    because: ["A workflow of the repository runs, with the permissions that it states itself and its own gate."],
    whileStopped: false,
    affects: "a run of a workflow",
    rollback: "cancel the run",
  }),
  "workflow.undo": write({
    role: "operator",
    risk: "low",
    because: ["A workflow that takes a candidate back runs; the baseline keeps its traffic."],
    whileStopped: true, // what is stopped may still be taken back
    affects: "a run of a workflow",
    rollback: null,
  }),
  "workflow.switch": write({
    role: "operator",
    risk: "low",
    because: ["Workflows of Whetstone start no more, or again."],
    whileStopped: true, // switching off is what a stop does
    affects: "workflows of Whetstone",
    rollback: "switch them the other way",
  }),
  "workflow.cancel": write({
    role: "operator",
    risk: "low",
    because: ["A run of Whetstone ends early; what it had done so far stays on record."],
    whileStopped: true, // ending what runs is what a stop does
    affects: "runs of Whetstone's workflows",
    rollback: "run it again",
  }),
  "deployment.write": write({
    role: "operator",
    risk: "low",
    because: ["A record of what runs where; what deploys is a workflow with rules of its own."],
    whileStopped: true, // how a deployment ended must be on record
    affects: "deployments and their states",
    rollback: null,
  }),
  "gate.approve": write({
    role: "operator",
    risk: "low",
    because: [
      "An administrator set the rule for this: a deployment passes by a verdict on measured calls, or a person's.",
    ],
    whileStopped: false,
    affects: "a deployment that waits at an environment",
    rollback: "deploy the version before",
  }),
  "gate.reject": write({
    role: "operator",
    risk: "low",
    because: ["A deployment that waits says how it stands, or does not happen; it can be started again."],
    whileStopped: true, // what waits while everything is stopped is refused
    affects: "a deployment that waits at an environment",
    rollback: "start the workflow again",
  }),
  "proposal.close": write({
    role: "operator",
    risk: "low",
    because: ["Takes back a branch that Whetstone made, if nobody has moved it."],
    whileStopped: true,
    affects: "branch whetstone/proposal/…",
    rollback: "git branch BRANCH COMMIT, named in the ledger",
  }),
  "worktree.add": write({
    role: "operator",
    risk: "low",
    because: ["A copy of a commit in the working folder; it is removed at the end of the run."],
    whileStopped: false,
    affects: "folder .whetstone/worktrees",
    rollback: "git worktree remove FOLDER",
  }),
  "worktree.remove": write({
    role: "operator",
    risk: "low",
    because: ["Nothing is in it that is not in a commit or in the dossier."],
    whileStopped: true,
    affects: "folder .whetstone/worktrees",
    rollback: null,
  }),
  "session.refine": write({
    role: "operator",
    risk: "medium",
    because: ["A model spends money and writes into a scratch copy of the commit; what it changed is only proposed."],
    whileStopped: false,
    affects: "a scratch worktree of the target's commit, and the budget of sessions",
    rollback: null,
  }),
  "canary.promote": write({
    role: "maintainer",
    risk: "high",
    because: ["The changed server gets all traffic."],
    whileStopped: false,
    affects: "traffic of the target",
    rollback: "whetstone canary rollback",
  }),
  "canary.rollback": write({
    role: "operator",
    risk: "medium",
    because: ["The unchanged server gets all traffic again; what the canary served ends."],
    whileStopped: true,
    affects: "traffic of the target",
    rollback: null,
  }),
  "rule.retire": write({
    role: "maintainer",
    risk: "medium",
    because: ["Later sessions no longer follow what was learned."],
    whileStopped: false,
    affects: "rules of the target",
    rollback: "git revert",
  }),
  "server.update": write({
    role: "maintainer",
    risk: "high",
    because: ["Another version of a server runs, with the rights of the user."],
    whileStopped: false,
    affects: "server and .mcp.json",
    rollback: "whetstone servers restore",
  }),
  "backup.restore": write({
    role: "admin",
    risk: "high",
    because: ["What was changed since the backup is overwritten."],
    whileStopped: false,
    affects: "what the backup holds",
    rollback: null,
  }),
  resume: write({
    role: "admin",
    risk: "high",
    because: ["Somebody stopped all changes for a reason; this lets them go on."],
    whileStopped: true,
    affects: "every stage of the loop",
    rollback: "whetstone stop",
  }),
} as const satisfies Record<string, Declaration>;

/** The name of a declared operation. */
export type OperationName = keyof typeof OPERATIONS;

/** A declaration with its name. */
export type ProtectedOperation = Declaration & { readonly name: OperationName };

/** The declaration of an operation. @throws WhetstoneError `usage` for what is none, naming the nearest */
export function operationOf(name: string): ProtectedOperation {
  if (isOperation(name)) return { ...OPERATIONS[name], name };
  const near = nearest(name, Object.keys(OPERATIONS));
  throw new WhetstoneError("usage", `There is no operation "${name}".`, {
    remedy: near === undefined ? `Those that need a permission: ${permitted().join(", ")}.` : `Did you mean "${near}"?`,
  });
}

const permitted = (): string[] =>
  Object.entries<Declaration>(OPERATIONS).flatMap(([name, declared]) => (needsAuthorization(declared) ? [name] : []));

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name);
}

/** Whether an operation needs an authorization. */
export function needsAuthorization({ class: kind, risk }: Pick<Declaration, "class" | "risk">): boolean {
  return kind === "protected_write" && risk !== "low";
}
