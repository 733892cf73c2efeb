import type { CommitSha } from "../model/json.ts";
import type { Gates } from "./gate-port.ts";
import type { Runs, WorkflowFile } from "./runs-port.ts";

/** A pull request as far as it is used. */
export type PullRequest = {
  readonly number: number;
  /** Its page. */
  readonly url: string;
  readonly branch: string;
  readonly base: string;
  readonly headSha: CommitSha;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly merged: boolean;
  readonly draft: boolean;
  readonly labels: readonly string[];
  /** User names, and teams as `@org/team`, that were asked and have not reviewed yet. */
  readonly reviewers: readonly string[];
};

/** What a pull request is opened with; its branch is in the repository itself. */
export type NewPullRequest = Pick<PullRequest, "branch" | "base" | "title" | "body" | "draft">;

/** A pull request with what only its own page states. */
export type FoundPull = PullRequest & {
  /** User name of who opened it; undefined for an account that is gone. */
  readonly author: string | undefined;
  /** Whether its branch is in another repository, or in one that is gone. */
  readonly fork: boolean;
  /** The commit on the base branch that a merge made. */
  readonly mergeSha: CommitSha | undefined;
  /** RFC 3339. */
  readonly closedAt: string | undefined;
};

/** A review that somebody gave. */
export type Review = {
  readonly user: string;
  /** Whether GitHub says that the account is a person's. */
  readonly person: boolean;
  /** When it was given, RFC 3339; undefined for one that is pending. */
  readonly at: string | undefined;
  readonly state: "approved" | "changes_requested" | "commented" | "dismissed" | "pending";
  readonly commit: CommitSha | undefined;
};

/**
 * Pull requests. There is no way to approve or to merge one: both are for people. Errors of all ports in this file:
 * `api_failed`; when an answer is lost, what was asked for is looked up before it counts as failed.
 */
export type PullRequests = {
  /** Those from a branch of this repository, open and closed, newest first. */
  readonly from: (branch: string) => Promise<readonly PullRequest[]>;
  /** The one of a number; undefined for none, and for an issue. */
  readonly find: (number: number) => Promise<FoundPull | undefined>;
  /** User names of those who wrote or committed its commits; GitHub lists the first 250 of them. */
  readonly authors: (number: number) => Promise<readonly string[]>;
  /**
   * User names of those who moved a branch, of its newest 100 moves: a commit states its author as whoever made it likes, GitHub
   * knows who pushed it. Empty for servers that keep no such list.
   */
  readonly pushers: (branch: string) => Promise<readonly string[]>;
  /**
   * When a branch was moved last, RFC 3339, and to which commit, as far as it is listed by now; undefined for servers that keep
   * no such list.
   */
  readonly lastPush: (branch: string) => Promise<{ readonly at: string; readonly sha: CommitSha } | undefined>;
  /** All open ones from branches of this repository; none of a fork. */
  readonly open: () => Promise<readonly PullRequest[]>;
  /** Opens one; the open one of the same branch when there is one. */
  readonly create: (pull: NewPullRequest) => Promise<PullRequest>;
  readonly edit: (number: number, change: { readonly title?: string; readonly body?: string }) => Promise<PullRequest>;
  /** Closes one without merging it. */
  readonly close: (number: number) => Promise<void>;
  /** Adds labels; those that are there stay. */
  readonly label: (number: number, labels: readonly string[]) => Promise<void>;
  /** Asks for reviews; names those that GitHub does not take, for example because they may not read the repository. */
  readonly askReview: (
    number: number,
    reviewers: readonly string[],
  ) => Promise<{ readonly refused: readonly string[] }>;
  readonly reviews: (number: number) => Promise<readonly Review[]>;
};

/** What a write that may be repeated did. */
export type Written = { readonly id: number; readonly action: "created" | "updated" | "kept" };

/** Reactions by GitHub's names: 👀, 🚀, 🎉, 😕, 👎. */
export type Reaction = "eyes" | "rocket" | "hooray" | "confused" | "-1";

/** Comments and issues of which there is one per purpose, updated in place. */
export type Notes = {
  /** One comment per purpose and conversation (issue or pull request). A text that is too long is cut, which it says. */
  readonly comment: (number: number, note: { readonly purpose: string; readonly body: string }) => Promise<Written>;
  /** {@link Notes.comment} whose text follows from the one that stands; undefined for none. */
  readonly amend: (
    number: number,
    note: { readonly purpose: string; readonly change: (standing: string | undefined) => string },
  ) => Promise<Written>;
  /** Puts a reaction on a comment of an issue or pull request; a second one of the same kind changes nothing. */
  readonly react: (comment: number, content: Reaction) => Promise<void>;
  /** One open issue per purpose; its `id` is the issue's number. */
  readonly issue: (note: {
    readonly purpose: string;
    readonly title: string;
    readonly body: string;
    readonly labels: readonly string[];
  }) => Promise<Written>;
  /** The open issue of a purpose, with its text as it was given; undefined when none is open. */
  readonly standing: (purpose: string) => Promise<{ readonly number: number; readonly body: string } | undefined>;
  /** Closes the issue of a purpose; false when none is open. */
  readonly closeIssue: (purpose: string) => Promise<boolean>;
};

/** A remark on lines of a file. */
export type Annotation = {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly level: "notice" | "warning" | "failure";
  readonly title?: string;
  readonly message: string;
};

/** A button of a check run; GitHub takes 20, 40 and 20 characters. A press arrives as `check_run.requested_action`. */
export type CheckAction = { readonly label: string; readonly description: string; readonly identifier: string };

/** What a check run shows. `externalId` says what it is about: the same one is updated, not repeated. */
export type CheckText = {
  readonly name: string;
  readonly sha: CommitSha;
  readonly externalId: string;
  readonly title: string;
  readonly summary: string;
  /** Details below the summary. */
  readonly text?: string | undefined;
  /** Page with more. */
  readonly url?: string | undefined;
  /** Any number; sent in batches, each once however often this is run. */
  readonly annotations: readonly Annotation[];
  /** At most 3; they follow from the rest: what is shown alike has the same ones. */
  readonly actions?: readonly CheckAction[] | undefined;
};
/** A check run that has ended. */
export type CheckReport = CheckText & {
  readonly conclusion: "success" | "failure" | "neutral" | "skipped" | "action_required" | "cancelled" | "timed_out";
};
/** A check run that has not ended; one that had ended is open again. */
export type RunningCheck = CheckText & { readonly status: "queued" | "in_progress" };

/** A check run as it stands on a commit. */
export type StandingCheck = {
  readonly id: number;
  readonly name: string;
  readonly externalId: string;
  readonly status: string;
  readonly conclusion: string | undefined;
  readonly app: string;
};
export type Checks = {
  /** Texts that are too long are cut, which they say. @throws WhetstoneError `defect` for buttons that GitHub refuses */
  readonly report: (check: CheckReport | RunningCheck) => Promise<Written>;
  /** Check runs on a commit by name, latest each. */
  readonly on: (sha: CommitSha) => Promise<readonly StandingCheck[]>;
};

export type DeploymentState = "error" | "failure" | "inactive" | "in_progress" | "queued" | "pending" | "success";
export type NewDeployment = {
  /** A commit; GitHub must not merge anything into it. */
  readonly sha: CommitSha;
  readonly environment: string;
  /** What is done there; deployments of one commit, environment and task are one. */
  readonly task: string;
  readonly description: string;
  readonly production: boolean;
};
/** Deployments with their states. One made here passes no rules of its environment: only a job that names it does. */
export type Deployments = {
  readonly create: (deployment: NewDeployment) => Promise<Written>;
  /** Adds a state, unless it is the latest one already. */
  readonly setState: (
    id: number,
    state: { readonly state: DeploymentState; readonly description: string; readonly logUrl?: string },
  ) => Promise<Written>;
  readonly states: (id: number) => Promise<readonly { readonly state: string; readonly description: string }[]>;
};

export type Environment = {
  readonly name: string;
  /** Minutes that a job waits. */
  readonly waitMinutes: number;
  readonly preventSelfReview: boolean;
  /** Ids of users or teams of whom one must agree. */
  readonly reviewers: readonly { readonly type: "User" | "Team"; readonly id: number }[];
  /** Only branches with protection may deploy. */
  readonly protectedBranchesOnly: boolean;
};
export type Environments = {
  readonly list: () => Promise<readonly string[]>;
  readonly set: (environment: Environment) => Promise<void>;
};

/** Workflows by file name, such as `whetstone.yml`. */
export type Workflows = {
  /** Starts one; not repeated when its answer is lost, since every start is another run. */
  readonly dispatch: (
    file: string,
    start: { readonly ref: string; readonly inputs: Readonly<Record<string, string>> },
  ) => Promise<{ readonly runId: number | undefined }>;
  readonly enable: (file: string) => Promise<void>;
  readonly disable: (file: string) => Promise<void>;
  readonly state: (file: string) => Promise<string | undefined>;
  /** All of them, those that are switched off too. */
  readonly list: () => Promise<readonly WorkflowFile[]>;
};

/** An artifact of a workflow run. */
export type Artifact = {
  readonly id: number;
  readonly name: string;
  readonly bytes: number;
  readonly expired: boolean;
  /** SHA-256 of the archive, 64 digits; absent for artifacts of old uploads. */
  readonly digest: string | undefined;
  readonly runId: number | undefined;
  /** Id of the repository that the run's code came from; another one's for a fork. */
  readonly headRepositoryId: number | undefined;
  readonly repositoryId: number | undefined;
};
export type Artifacts = {
  readonly find: (id: number) => Promise<Artifact | undefined>;
  readonly ofRun: (runId: number) => Promise<readonly Artifact[]>;
  /** The archive (ZIP). Check its digest before it is unpacked. */
  readonly download: (id: number) => Promise<Uint8Array>;
};

/** Who may do what, and switches that administrators set. */
export type Repository = {
  /** Its numeric id and the branch that pull requests go to. */
  readonly facts: () => Promise<{ readonly id: number; readonly defaultBranch: string }>;
  /** A variable of the repository; undefined when it is not set. */
  readonly variable: (name: string) => Promise<string | undefined>;
  /** `admin`, `maintain`, `write`, `triage`, `read` or `none`: of a role that an organisation made up, what it amounts to. */
  readonly permission: (user: string) => Promise<string>;
  /** The attempt of a workflow run, and the commit that it runs. */
  readonly run: (id: number) => Promise<{ readonly attempt: number; readonly headSha: CommitSha } | undefined>;
};

/** Everything about a repository's host beyond git: small ports, so that each user takes what it needs. */
export type Host = {
  readonly pulls: PullRequests;
  readonly notes: Notes;
  readonly checks: Checks;
  readonly deployments: Deployments;
  readonly environments: Environments;
  readonly workflows: Workflows;
  readonly artifacts: Artifacts;
  readonly repository: Repository;
  readonly gates: Gates;
  readonly runs: Runs;
};
