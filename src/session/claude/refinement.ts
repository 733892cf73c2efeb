import { WhetstoneError } from "../../model/error.ts";
import { parsePatch } from "../../protect/patch.ts";
import { pathRefusal, type ScopeRules } from "../../protect/patch-rules.ts";
import { assertPermit, type Permit } from "../../protect/permit.ts";
import { judgeSafety } from "../../protect/secrets.ts";
import type { WallGit } from "../../protect/wall/wall-git.ts";
import { passWall } from "../../protect/wall/wall.ts";
import type { SessionRequest } from "../port.ts";
import { openChecksServer } from "./checks-server.ts";
import { editScope } from "./edit-scope.ts";
import { sessionFailed } from "./failed.ts";
import type { ModeAnswer, ModeSession } from "./mode.ts";
import { mcpConfig, type MountedServer, REFINEMENT_TOOLS } from "./recipe.ts";
import { redactAnswer } from "./redact-answer.ts";
import { RefinementAnswer, refinementSchema } from "./refinement-answer.ts";
import { type CheckCommand, runChecks } from "./run-checks.ts";
import type { SandboxPlace } from "./sandbox.ts";
import type { RepositoryWatch, SessionGit } from "./session-git.ts";
import { sourceFolders } from "./source-folders.ts";
import { snapshotTree, type TreeChange, treeChanges, type TreeSnapshot } from "./tree-snapshot.ts";

/** Time that is allowed for a copy of the worktree. */
const COPY_MS = 60_000;

/** What a refinement needs besides what every session does. */
export type RefinementParts = {
  /**
   * Uses up a person's authorization for the target at the base commit, as it is now; asked before anything that costs.
   * @throws WhetstoneError `unauthorized`, `stopped`
   */
  readonly authorize: (request: SessionRequest) => Promise<Permit<"session.refine">>;
  /** What may be changed, and how much. */
  readonly rules: ScopeRules;
  readonly git: SessionGit;
  /** The git of the patch wall. */
  readonly openWall: () => Promise<WallGit & AsyncDisposable>;
  readonly checks: readonly CheckCommand[];
  /** The whole environment of the checks. */
  readonly env: Readonly<Record<string, string>>;
};

/** What a refinement works on. */
export type RefinementOptions = {
  /** A checkout of the base commit that nothing else uses. */
  readonly worktree: string;
  readonly server: MountedServer;
  readonly refinement?: RefinementParts;
  readonly random: (bytes: number) => Uint8Array;
};

/** What of the session's own surroundings a refinement uses. */
export type RefinementRoom = {
  /** Folder of this session, outside the worktree. */
  readonly own: string;
  /** What the checks see besides the worktree; absent where this machine cannot confine them. */
  readonly checkPlaces: readonly SandboxPlace[] | undefined;
};

/**
 * Mode `refinement`: edits the target's source files in the worktree and runs the target's checks, once a person permitted
 * it for this target at this commit.
 * @throws WhetstoneError `usage` when its parts are missing · `unauthorized` · `stopped` · `git_failed`
 */
export async function refinementMode(
  options: RefinementOptions,
  request: SessionRequest,
  room: RefinementRoom,
): Promise<ModeSession> {
  const { worktree, server, refinement: parts } = options;
  if (parts === undefined) throw notSetUp();
  const scope = editScope(parts.rules.source);
  const writable = await sourceFolders(worktree, scope.folders);
  const [watch, before] = [await parts.git.watch(worktree), await snapshotTree(worktree)];
  const permit = await parts.authorize(request);
  assertPermit(permit, "session.refine");
  if (permit.target !== request.target) throw sessionFailed("permit", `the permit is for ${permit.target}`);
  const work: Work = { options, parts, request, watch, before, isConfined: room.checkPlaces !== undefined };
  const owned = new AsyncDisposableStack();
  const checks = owned.use(await openChecks(options, parts, room));
  return {
    setUp: {
      tools: REFINEMENT_TOOLS,
      allowed: scope.allowed,
      denied: scope.denied,
      servers: [server, checks],
      answer: refinementSchema(),
    },
    writable,
    toolTimeoutMs: timeoutOf(parts.checks),
    mcpConfig: mcpConfig(server, checks),
    inspect: async () => void (await allowedChanges(work)),
    read: (output) => read(work, output),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** How long all checks may take together, and what their copy takes. */
function timeoutOf(checks: readonly CheckCommand[]): number {
  return checks.reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds * 1_000, COPY_MS);
}

type Work = {
  readonly options: RefinementOptions;
  readonly parts: RefinementParts;
  readonly request: SessionRequest;
  readonly watch: RepositoryWatch;
  readonly before: TreeSnapshot;
  /** Whether the session sees nothing of the repository but the worktree. */
  readonly isConfined: boolean;
};

function notSetUp(): WhetstoneError {
  return new WhetstoneError("usage", "This session was not set up for refinements.", {
    remedy: "Choose --mode analysis, or a recorded session.",
  });
}

function openChecks({ worktree, random }: RefinementOptions, parts: RefinementParts, room: RefinementRoom) {
  const { checks, env } = parts;
  return openChecksServer({
    names: checks.map(({ name }) => name),
    run: (signal) => runChecks({ checks, worktree, env, places: room.checkPlaces, folder: room.own, signal }),
    token: Buffer.from(random(24)).toString("hex"),
  });
}

/** Faults that a message names; its data names all. */
const MOST_NAMED = 10;

/** What the session changed. @throws WhetstoneError `session_failed` when any of it is not the target's to change */
async function allowedChanges({ options, parts, watch, before, isConfined }: Work): Promise<readonly TreeChange[]> {
  const changes = treeChanges(before, await snapshotTree(options.worktree));
  const faults = [
    // People go on working: a branch that moved was moved by them where the session could not.
    ...(await watch.changed())
      .filter((name) => !isConfined || !name.startsWith("refs/"))
      .map((name) => `git's own ${name} was changed.`),
    ...changes.flatMap((change) => faultOf(change, parts.rules) ?? []),
  ];
  if (faults.length === 0) return changes;
  const more = faults.length > MOST_NAMED ? ` And ${faults.length - MOST_NAMED} more.` : "";
  const shown = faults.slice(0, MOST_NAMED).join(" ") + more;
  throw new WhetstoneError("session_failed", `A refinement changed what it may not: ${shown}`, {
    remedy: "Nothing of the session is used. Find out what wrote there before the next one.",
    data: { outcome: "worktree_changed", changed: faults },
  });
}

function faultOf({ path, before, after }: TreeChange, rules: ScopeRules): string | undefined {
  const kinds = [before, after].filter((kind) => kind !== undefined);
  if (kinds.some((kind) => kind !== "file")) return `${JSON.stringify(path)} is, or was, no plain file.`;
  return pathRefusal(path, rules);
}

/** The answer with the patch that git makes of the worktree: nothing of a patch is taken from what the model says. */
async function read(work: Work, output: unknown): Promise<ModeAnswer> {
  const { options, parts, request } = work;
  const parsed = RefinementAnswer.safeParse(output);
  if (!parsed.success) throw sessionFailed("answer_invalid", parsed.error.issues[0]?.message ?? "");
  const { summary, proposal } = redactAnswer(parsed.data);
  const paths = (await allowedChanges(work)).map(({ path }) => path);
  if (proposal === null || paths.length === 0) return { summary: withLeft(summary, paths) };
  const { baseSha } = request;
  const patch = await parts.git.patch({ worktree: options.worktree, baseSha, paths });
  if (patch === "") return { summary };
  await refuseUnlessClean(patch, { parts, baseSha });
  return { summary, answer: { ...proposal, patch } };
}

function withLeft(summary: string, paths: readonly string[]): string {
  return paths.length === 0 ? summary : `${summary}\n\n${paths.length} files were changed, but not proposed.`;
}

async function refuseUnlessClean(
  patch: string,
  { parts, baseSha }: { readonly parts: RefinementParts; readonly baseSha: string },
): Promise<void> {
  await using git = await parts.openWall();
  const passed = await passWall(git, { kind: "diff", bytes: patch, baseSha }, parts.rules);
  if (!passed.ok) throw refused(passed.reasons, passed.details);
  const parsed = parsePatch(patch);
  const safety = parsed.ok ? judgeSafety(parsed.patch) : undefined;
  if (safety !== undefined && safety.verdict !== "pass") throw refused(safety.reasons, safety.details);
}

function refused(reasons: readonly string[], details: readonly string[]): WhetstoneError {
  return sessionFailed("change_refused", details.join(" "), { reasons });
}
