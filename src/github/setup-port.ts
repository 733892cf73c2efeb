/** A fact of a repository's settings, or why it could not be seen: a token sees what its permissions allow. */
export type Fact<Value> =
  | { readonly seen: true; readonly value: Value }
  | { readonly seen: false; readonly why: string; readonly remedy?: string };

/** Whether runs on a branch or environment of a repository are restricted, and its secrets. */
export type EnvironmentSetup = {
  readonly name: string;
  /** Only some branches may deploy to it, and so reach its secrets. */
  readonly restricted: boolean;
  readonly secrets: Fact<readonly string[]>;
};

/** Settings of a repository on GitHub that Whetstone's workflows depend on. Read only. */
export type RepositorySetup = {
  readonly repository: Fact<{
    readonly defaultBranch: string;
    readonly archived: boolean;
    readonly issues: boolean;
    /** What the token's owner may do. */
    readonly may: { readonly push: boolean; readonly admin: boolean };
  }>;
  readonly actions: Fact<{ readonly enabled: boolean; readonly allowed: string }>;
  readonly workflowToken: Fact<{ readonly access: string; readonly opensPullRequests: boolean }>;
  /** Text of each workflow file on the default branch whose name begins with `whetstone`. */
  readonly workflowFiles: Fact<ReadonlyMap<string, string>>;
  /** File name of each workflow that GitHub knows, and its state. */
  readonly workflowStates: Fact<ReadonlyMap<string, string>>;
  /** Names of the secrets that every workflow reaches: the repository's and its organisation's. */
  readonly secrets: Fact<readonly string[]>;
  readonly variables: Fact<ReadonlyMap<string, string>>;
  readonly environments: Fact<readonly EnvironmentSetup[]>;
  /** Types of the rules that bind a branch, by rulesets; `protected` for a branch protection of the older kind. */
  readonly rules: (branch: string) => Promise<Fact<readonly string[]>>;
};
