import { foldName } from "./path-form.ts";

/**
 * Classes of files that steer builds, installs, reviews, agents or Whetstone itself, with one line each. A path belongs
 * to the first class that fits.
 */
export const PROTECTED_CLASSES = {
  agents: "instructions and settings of coding agents",
  ci: "continuous integration and actions",
  owners: "who must review what",
  lockfiles: "locked dependencies",
  manifests: "dependencies and scripts of packages",
  builds: "how it is built or shipped",
  rules: "Whetstone's own rules and configuration",
  documents: "documents at the top of the repository",
  dotfiles: "configuration in a file or folder whose name begins with a point",
} as const;
/** One of {@link PROTECTED_CLASSES}. */
export type ProtectedClass = keyof typeof PROTECTED_CLASSES;

/** What happens to a change of a protected class: refused, let through with a review asked for, or let through. */
export const POLICIES = ["blocked", "request-review", "allowed"] as const;
export type Policy = (typeof POLICIES)[number];

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Names at any level, folded. */
const NAMES: Readonly<Partial<Record<ProtectedClass, ReadonlySet<string>>>> = {
  agents: words(`claude.md claude.local.md agents.md agent.md gemini.md review.md copilot-instructions.md skill.md
    .mcp.json mcp.json .cursorrules .windsurfrules .clinerules .aider.conf.yml .claude.json`),
  ci: words(`action.yml action.yaml jenkinsfile azure-pipelines.yml bitbucket-pipelines.yml .gitlab-ci.yml
    .travis.yml appveyor.yml .drone.yml cloudbuild.yaml cloudbuild.yml buildspec.yml`),
  owners: words("codeowners owners owners_aliases maintainers"),
  lockfiles: words(`package-lock.json npm-shrinkwrap.json pnpm-lock.yaml bun.lockb go.sum go.work.sum
    packages.lock.json package.resolved gradle.lockfile`),
  manifests: words(`package.json pnpm-workspace.yaml bunfig.toml deno.json deno.jsonc lerna.json nx.json
    pyproject.toml setup.py setup.cfg pipfile cargo.toml build.rs go.mod go.work gemfile composer.json pom.xml
    build.gradle build.gradle.kts settings.gradle settings.gradle.kts packages.config mix.exs package.swift flake.nix`),
  builds: words("makefile gnumakefile dockerfile containerfile docker-compose.yml docker-compose.yaml justfile"),
  rules: words("whetstone.yaml whetstone.yml alerts.yaml alerts.yml"),
};
/** Names by their form, folded. */
const FORMS: Readonly<Partial<Record<ProtectedClass, RegExp>>> = {
  lockfiles: /^.*\.(?:lock|lockb)$|^pipfile\.lock$/,
  manifests: /^(?:requirements.*\.txt|.*\.(?:csproj|fsproj|vbproj|gemspec))$/,
  builds: /^dockerfile\..*$/,
};
/** Folders: everything below them. */
const FOLDERS: Readonly<Partial<Record<ProtectedClass, RegExp>>> = {
  agents: /^\.(?:claude|claude-pr|claude-plugin|cursor|codex|gemini|continue|windsurf|aider|agents?)$/,
  ci: /^\.(?:github|circleci|gitlab|buildkite|forgejo|gitea|woodpecker)$/,
};
/** Documents that speak for the repository, when they lie at its top. */
const DOCUMENT =
  /\.(?:md|mdx|markdown|rst|adoc|txt)$|^(?:licen[cs]e|copying|notice|authors|contributors|security|readme)(?:[.-].*)?$/;

/** The class that a path belongs to; undefined when it is not protected. Names are compared folded. */
export function protectedClassOf(path: string): ProtectedClass | undefined {
  const folders = foldName(path).split("/");
  const name = folders.pop() ?? "";
  for (const one of Object.keys(PROTECTED_CLASSES) as ProtectedClass[]) {
    if (NAMES[one]?.has(name) === true || FORMS[one]?.test(name) === true) return one;
    if (folders.some((folder) => FOLDERS[one]?.test(folder))) return one;
    if (one === "rules" && folders[0] === "rules") return one;
    if (one === "documents" && folders.length === 0 && DOCUMENT.test(name)) return one;
    if (one === "dotfiles" && [...folders, name].some((part) => part.startsWith("."))) return one;
  }
  return undefined;
}

/** Whether a path is installed code, which no proposal may touch whatever the configuration allows. */
export function isInstalled(path: string): boolean {
  return foldName(path).split("/").includes("node_modules");
}
