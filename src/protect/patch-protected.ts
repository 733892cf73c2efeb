/**
 * Names that no proposal may touch, at any level and in any case, whatever the configuration allows: they steer builds,
 * installs, reviews, agents or Whetstone itself.
 */
const PROTECTED_NAMES: ReadonlySet<string> = new Set(
  `
  package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml pnpm-workspace.yaml
  bun.lock bun.lockb bunfig.toml deno.json deno.jsonc deno.lock lerna.json nx.json
  pyproject.toml setup.py setup.cfg pipfile pipfile.lock poetry.lock uv.lock pdm.lock
  cargo.toml cargo.lock build.rs go.mod go.sum go.work go.work.sum gemfile gemfile.lock
  composer.json composer.lock pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts
  gradle.lockfile packages.lock.json packages.config mix.exs mix.lock package.swift package.resolved
  flake.nix flake.lock makefile gnumakefile dockerfile action.yml action.yaml
  codeowners claude.md agents.md gemini.md review.md whetstone.yaml alerts.yaml
  `
    .trim()
    .split(/\s+/),
);
const PROTECTED_FILE = /^(?:requirements.*\.txt|.*\.(?:csproj|fsproj|vbproj|gemspec|lock|lockb)|dockerfile\..*)$/;

/** Why a path is protected; undefined when it is not. Learned rules stand in `rules/` at the top only. */
export function protectionOf(path: string): string | undefined {
  const folders = path.toLowerCase().split("/");
  const name = folders.pop() ?? "";
  if (folders.some((folder) => folder.startsWith("."))) return "lies in a folder whose name begins with a point";
  if (name.startsWith(".")) return "is a configuration file whose name begins with a point";
  if (folders[0] === "rules") return "is a learned rule";
  if (folders.includes("node_modules")) return "is installed code";
  if (PROTECTED_NAMES.has(name) || PROTECTED_FILE.test(name)) return "is a protected file";
  return undefined;
}
