import type { GitHubGraph } from "../graphql.ts";
import type { Host } from "../host-port.ts";
import { restChecks } from "./checks.ts";
import { restDeployments, restEnvironments } from "./deployments.ts";
import { restGates } from "./gates.ts";
import { restNotes } from "./notes.ts";
import { restPulls } from "./pulls.ts";
import { restRuns } from "./runs.ts";
import { restArtifacts, restRepository, restWorkflows } from "./workflows.ts";

/** A repository on GitHub, the client that reaches it, and the account that the client's token belongs to. */
export type RestHostOptions = {
  readonly owner: string;
  readonly repo: string;
  readonly client: GitHubGraph;
  /** `github-actions[bot]` for a job's own token, `NAME[bot]` for an App's. */
  readonly self: string;
};

/** Everything about a repository on GitHub beyond git. No type of Octokit leaves the client. */
export function openRestHost({ self, ...repository }: RestHostOptions): Host {
  return {
    pulls: restPulls(repository),
    notes: restNotes(repository, self),
    checks: restChecks(repository),
    deployments: restDeployments(repository),
    environments: restEnvironments(repository),
    workflows: restWorkflows(repository),
    artifacts: restArtifacts(repository),
    repository: restRepository(repository),
    gates: restGates(repository),
    runs: restRuns(repository),
  };
}
