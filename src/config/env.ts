/** What Whetstone takes from the environment; read once, at the entry. */
export type Env = {
  /** `DATABASE_URL`: the store, when no `--db` is given. */
  readonly databaseUrl: string | undefined;
  /** `ANTHROPIC_API_KEY` is present (its value is never kept here). */
  readonly hasModelKey: boolean;
  /** `CI` is set. */
  readonly ci: boolean;
  /** Colours are wanted: not `NO_COLOR`, not a dumb terminal. */
  readonly colour: boolean;
  /** The repository on GitHub that a job runs in, as GitHub Actions names it; absent when none of its variables is set. */
  readonly github?: GitHubEnv;
  /** What the GitHub App needs; absent when none of its variables is set. */
  readonly githubApp: GitHubAppEnv | undefined;
  /** Variables that a child process needs to find programs and write temporary files. */
  readonly child: Readonly<Record<string, string>>;
};

/** A value that is never printed: JSON and inspection show that it is there, not what it is. */
export type Secret = { readonly reveal: () => string };

/** `GITHUB_TOKEN`, `GITHUB_REPOSITORY` (owner/name) and `GITHUB_API_URL`. Any may be absent. */
export type GitHubEnv = {
  readonly token: Secret | undefined;
  readonly repository: string | undefined;
  readonly apiUrl: string | undefined;
};

/** Variables of the GitHub App, by Probot's names. Any may be absent. */
export type GitHubAppEnv = {
  /** `APP_ID`: number of the App. */
  readonly appId: string | undefined;
  /** `PRIVATE_KEY`: the key itself, in PEM form or base64 of it. */
  readonly privateKey: Secret | undefined;
  /** `PRIVATE_KEY_PATH`: the file that holds it. */
  readonly privateKeyPath: string | undefined;
  /** `WEBHOOK_SECRET`: what deliveries are signed with. */
  readonly webhookSecret: Secret | undefined;
  /** `GHE_HOST`: GitHub Enterprise Server instead of github.com. */
  readonly enterpriseHost: string | undefined;
  /** `GHE_PROTOCOL`: `https` when absent. */
  readonly enterpriseProtocol: string | undefined;
};

const CHILD_VARIABLES = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SystemRoot"];

/** Reads the environment. Pure: the variables are an argument. */
export function parseEnv(env: Readonly<Record<string, string | undefined>>): Env {
  const child: Record<string, string> = {};
  for (const name of CHILD_VARIABLES) {
    const value = env[name];
    if (value !== undefined) child[name] = value;
  }
  const github = parseGitHub(env);
  return {
    ...(github !== undefined && { github }),
    databaseUrl: present(env["DATABASE_URL"]),
    hasModelKey: present(env["ANTHROPIC_API_KEY"]) !== undefined,
    ci: present(env["CI"]) !== undefined,
    colour: env["NO_COLOR"] === undefined && env["TERM"] !== "dumb",
    githubApp: parseGitHubApp(env),
    child,
  };
}

function parseGitHub(env: Readonly<Record<string, string | undefined>>): GitHubEnv | undefined {
  const named = {
    token: secret(env["GITHUB_TOKEN"]),
    repository: present(env["GITHUB_REPOSITORY"]),
    apiUrl: present(env["GITHUB_API_URL"]),
  };
  return Object.values(named).every((value) => value === undefined) ? undefined : named;
}

function parseGitHubApp(env: Readonly<Record<string, string | undefined>>): GitHubAppEnv | undefined {
  const app = {
    appId: present(env["APP_ID"]),
    privateKey: secret(env["PRIVATE_KEY"]),
    privateKeyPath: present(env["PRIVATE_KEY_PATH"]),
    webhookSecret: secret(env["WEBHOOK_SECRET"]),
    enterpriseHost: present(env["GHE_HOST"]),
    enterpriseProtocol: present(env["GHE_PROTOCOL"]),
  };
  return Object.values(app).every((value) => value === undefined) ? undefined : app;
}

function secret(value: string | undefined): Secret | undefined {
  const kept = present(value);
  return kept === undefined ? undefined : { reveal: () => kept };
}

function present(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
