import { patchOfFiles, watchRepository } from "../github/session-tree.ts";
import { openWallGit } from "../github/wall-git.ts";
import { baseSubject } from "../protect/authorization/subject.ts";
import type { RefinementParts } from "../session/claude/refinement.ts";
import type { LoopRun } from "./run.ts";
import { wallRules } from "./validate.ts";

/** What a refinement of the run's target needs: the guard, the wall, git, the target's checks. */
export function refinementParts(
  { workspace, actor, id }: Pick<LoopRun, "workspace" | "actor" | "id">,
  token: string | undefined,
): RefinementParts {
  const { root, target, guard, childEnv } = workspace;
  return {
    authorize: ({ target: name, baseSha }) =>
      guard.permit("session.refine", { actor, target: name, run: id, subject: baseSubject(name, baseSha), token }),
    rules: wallRules(target),
    git: { watch: watchRepository, patch: patchOfFiles },
    openWall: () => openWallGit(root),
    checks: target.checks,
    env: { ...childEnv, ...target.env, HOME: "/tmp", TMPDIR: "/tmp" },
  };
}
