import { basename, dirname, isAbsolute, join } from "node:path";
import type { ClaudeSettings } from "../config/schema.ts";
import type { Confinement } from "../session/claude/confinement.ts";
import type { SandboxPlace } from "../session/claude/sandbox.ts";
import { isPostgresUrl } from "../store/open.ts";

/** What decides which parts of the disk a session and its checks see. */
export type SeenBy = {
  readonly sandbox: ClaudeSettings["sandbox"];
  /** Folder of this package: the telemetry server is started from it. */
  readonly packageRoot: string;
  /** The program that runs Node. */
  readonly node: string;
  /** The telemetry server's store; as a file it is open in this process, so that its companions exist. */
  readonly storeUrl: string;
  /** Folders in which the checks find programs, with `:` between them. */
  readonly path: string;
  /** Folder in which the session's worktree is made. */
  readonly worktrees: string;
};

/** What of this package its server needs; never a `.git`, `.env` or `.whetstone` that may lie beside. */
const PACKAGE = ["package.json", "bin", "dist", "src", "sql", "schemas", "specs", "node_modules"] as const;

/**
 * The places of a session: the telemetry server's package, Node and the files of its store. Those of the checks: Node, the
 * folders of the path, and packages installed in a folder above the worktree, which Node finds from there. Nothing else
 * of the disk is there: no home, no other repository, no key, not even the repository that the worktree belongs to. Undefined where the configuration wants no walls.
 */
export function confinementOf(seen: SeenBy): Confinement | undefined {
  const { sandbox, packageRoot, node, storeUrl, path, worktrees } = seen;
  if (sandbox === "off") return undefined;
  const nodePlaces = read(...installationOf(node));
  const own = PACKAGE.map((name) => join(packageRoot, name));
  const store = isPostgresUrl(storeUrl) ? [] : [storeUrl, `${storeUrl}-wal`, `${storeUrl}-shm`];
  return {
    required: sandbox === "required",
    session: [...nodePlaces, ...read(...own, ...above(packageRoot)), ...store.map(write)],
    checks: [...nodePlaces, ...read(...path.split(":").filter(isAbsolute), ...above(join(worktrees, "any")))],
  };
}

function read(...paths: readonly string[]): readonly SandboxPlace[] {
  return paths.filter((path) => path !== "/").map((path) => ({ kind: "read", path }));
}

function write(path: string): SandboxPlace {
  return { kind: "write", path };
}

/** A program and what lies beside it in `bin`, with its global packages; never the folder that it was installed in. */
function installationOf(program: string): readonly string[] {
  const folder = dirname(program);
  return basename(folder) === "bin" ? [folder, join(dirname(folder), "lib", "node_modules")] : [program];
}

/** `node_modules` of every folder above a folder. */
function above(folder: string): readonly string[] {
  const parent = dirname(folder);
  if (parent === folder) return [];
  return [basename(parent) === "node_modules" ? parent : join(parent, "node_modules"), ...above(parent)];
}
