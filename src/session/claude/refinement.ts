import { WhetstoneError } from "../../model/error.ts";
import type { SessionRequest } from "../port.ts";
import type { ModeSession } from "./mode.ts";
import type { MountedServer } from "./recipe.ts";

/** What a refinement needs besides. */
export type RefinementParts = Record<string, never>;

/** What a refinement works on. */
export type RefinementOptions = {
  readonly worktree: string;
  readonly server: MountedServer;
  readonly refinement?: RefinementParts;
};

/** Mode `refinement`. */
export function refinementMode(_options: RefinementOptions, request: SessionRequest): Promise<ModeSession> {
  throw new WhetstoneError("usage", `Claude Code runs in mode analysis only, not ${request.mode}.`, {
    remedy: "Choose --mode analysis, or a recorded session.",
  });
}
