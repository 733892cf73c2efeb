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
  /** Variables that a child process needs to find programs and write temporary files. */
  readonly child: Readonly<Record<string, string>>;
};

const CHILD_VARIABLES = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SystemRoot"];

/** Reads the environment. Pure: the variables are an argument. */
export function parseEnv(env: Readonly<Record<string, string | undefined>>): Env {
  const child: Record<string, string> = {};
  for (const name of CHILD_VARIABLES) {
    const value = env[name];
    if (value !== undefined) child[name] = value;
  }
  return {
    databaseUrl: present(env["DATABASE_URL"]),
    hasModelKey: present(env["ANTHROPIC_API_KEY"]) !== undefined,
    ci: present(env["CI"]) !== undefined,
    colour: env["NO_COLOR"] === undefined && env["TERM"] !== "dumb",
    child,
  };
}

function present(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
