import type { Commits } from "../github/commit-port.ts";
import type { Host } from "../github/host-port.ts";
import type { Acting, Guard } from "./guard.ts";
import type { OperationName } from "./operations.ts";
import { assertPermit } from "./permit.ts";

/** What of a host a run of the loop uses. */
export type LoopHost = Pick<Host, "pulls" | "checks" | "artifacts" | "repository" | "notes">;

/** Commits on branches of a host, each made with leave of the guard. */
export function guardCommits(commits: Commits, guard: Guard, acting: Acting): Commits {
  return { put: guarded("proposal.open", commits.put, { guard, acting }) };
}

/** What of a host is reached at all: rules of environments are read only. */
export type GuardedHost = Omit<Host, "environments"> & { readonly environments: Pick<Host["environments"], "list"> };

/** A host whose writes ask the guard first; what only reads is passed on. */
export function guardHost(host: GuardedHost, guard: Guard, acting: Acting): GuardedHost {
  const { checks, notes, deployments, workflows, artifacts, repository } = host;
  const parts = { guard, acting };
  return {
    artifacts,
    repository,
    environments: { list: host.environments.list },
    pulls: guardPulls(host.pulls, parts),
    checks: { on: checks.on, report: guarded("check.write", checks.report, parts) },
    notes: {
      standing: notes.standing,
      comment: guarded("comment.write", notes.comment, parts),
      amend: guarded("comment.write", notes.amend, parts),
      react: guarded("comment.write", notes.react, parts),
      issue: guarded("issue.write", notes.issue, parts),
      closeIssue: guarded("issue.write", notes.closeIssue, parts),
    },
    gates: guardGates(host.gates, parts),
    runs: {
      find: host.runs.find,
      dispatched: host.runs.dispatched,
      underWay: host.runs.underWay,
      cancel: guarded("workflow.cancel", host.runs.cancel, parts),
      forceCancel: guarded("workflow.cancel", host.runs.forceCancel, parts),
    },
    deployments: {
      states: deployments.states,
      create: guarded("deployment.write", deployments.create, parts),
      setState: guarded("deployment.write", deployments.setState, parts),
    },
    workflows: {
      state: workflows.state,
      list: workflows.list,
      dispatch: guarded("workflow.start", workflows.dispatch, parts),
      enable: guarded("workflow.switch", workflows.enable, parts),
      disable: guarded("workflow.switch", workflows.disable, parts),
    },
  };
}

function guardGates(gates: Host["gates"], parts: Parts): Host["gates"] {
  return {
    answers: gates.answers,
    waiting: gates.waiting,
    rules: gates.rules,
    pullsOf: gates.pullsOf,
    report: guarded("gate.reject", gates.report, parts),
    refuse: guarded("gate.reject", gates.refuse, parts),
    letPass: guarded("gate.approve", gates.letPass, parts),
  };
}

function guardPulls(pulls: Host["pulls"], parts: Parts): Host["pulls"] {
  return {
    from: pulls.from,
    find: pulls.find,
    authors: pulls.authors,
    pushers: pulls.pushers,
    lastPush: pulls.lastPush,
    open: pulls.open,
    reviews: pulls.reviews,
    create: guarded("proposal.publish", pulls.create, parts),
    edit: guarded("proposal.publish", pulls.edit, parts),
    label: guarded("proposal.publish", pulls.label, parts),
    askReview: guarded("proposal.publish", pulls.askReview, parts),
    close: guarded("proposal.close", pulls.close, parts),
  };
}

/** What deployments of a rollout are made with; each write asks the guard first. */
export function guardDeployments(
  { deployments, workflows, runs }: Pick<Host, "deployments" | "workflows" | "runs">,
  parts: Parts,
) {
  return {
    deployments: {
      states: deployments.states,
      create: guarded("deployment.write", deployments.create, parts),
      setState: guarded("deployment.write", deployments.setState, parts),
    },
    workflows: {
      dispatch: guarded("workflow.start", workflows.dispatch, parts),
      takeBack: guarded("workflow.undo", workflows.dispatch, parts),
    },
    runs: {
      find: runs.find,
      dispatched: runs.dispatched,
      cancel: guarded("workflow.cancel", runs.cancel, parts),
    },
  };
}

type Parts = { readonly guard: Guard; readonly acting: Acting };

function guarded<Values extends readonly unknown[], Result>(
  operation: OperationName,
  write: (...values: Values) => Promise<Result>,
  { guard, acting }: Parts,
): (...values: Values) => Promise<Result> {
  return async (...values) => {
    assertPermit(await guard.permit(operation, acting), operation);
    return await write(...values);
  };
}
