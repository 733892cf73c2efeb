/** Where a session may edit: rules of Claude Code, and the folders that they cover. Wider than the globs, never narrower. */
export type EditScope = {
  /** Folders below the worktree, without a slash at the end; `.` is all of it. */
  readonly folders: readonly string[];
  /** For `--allowedTools`; `Edit` governs `Write` too. */
  readonly allowed: readonly string[];
  /** Refused inside the folders: what the target takes out, and what steers agents, builds, installs and git. */
  readonly denied: readonly string[];
};

/**
 * Files that no rule lets a session edit, by patterns as in `.gitignore`. What counts is the check of the worktree and the
 * patch wall afterwards, which know all protected classes; these tell the model at once.
 */
const NEVER_EDITED = [
  ".git/**",
  ".github/**",
  ".claude/**",
  "rules/**",
  "**/.*",
  "**/.*/**",
  "**/CLAUDE.md",
  "**/AGENTS.md",
  "**/package.json",
  "**/package-lock.json",
  "**/*.lock",
  "**/node_modules/**",
  "whetstone.yaml",
] as const;

/** Characters that rules and patterns give a meaning, or that separate them on the command line. */
const SPECIAL = /[^A-Za-z0-9._@+/-]/;

/** The scope for a target's `source` globs; those with a leading `!` take out. */
export function editScope(source: readonly string[]): EditScope {
  const globs = source.filter((glob) => !glob.startsWith("!")).map((glob) => glob.replace(/^\.?\//, ""));
  const folders = outermost(globs.map(folderOf));
  const plain = source.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1));
  return {
    folders,
    allowed: folders.map((folder) => `Edit(${folder === "." ? "**" : `${folder}/**`})`),
    denied: [...NEVER_EDITED, ...plain.filter((glob) => !/[(),\s]/.test(glob))].map((pattern) => `Edit(${pattern})`),
  };
}

/** The deepest folder above everything that a glob matches, of plain names only. */
function folderOf(glob: string): string {
  const parts = glob.split("/");
  const names = parts.slice(0, -1);
  const wild = names.findIndex((name) => SPECIAL.test(name) || name === "" || name === "." || name === "..");
  const plain = wild === -1 ? names : names.slice(0, wild);
  return plain.length === 0 ? "." : plain.join("/");
}

/** Without folders that lie in another one. */
function outermost(folders: readonly string[]): readonly string[] {
  if (folders.includes(".")) return ["."];
  const all = [...new Set(folders)].sort();
  return all.filter((folder) => !all.some((other) => other !== folder && folder.startsWith(`${other}/`)));
}
