import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { WhetstoneError } from "../../model/error.ts";
import { type Program, sandboxed, sandboxFault, type SandboxPlace } from "./sandbox.ts";

/** What sessions and their checks see of the disk where this machine can confine them. */
export type Confinement = {
  /** For the session: what its telemetry server is made of and works on. The checkout and the program are added. */
  readonly session: readonly SandboxPlace[];
  /** For checks: where their programs and packages are. */
  readonly checks: readonly SandboxPlace[];
  /** Whether a session may not start where the machine cannot confine it; false when absent. */
  readonly required?: boolean;
};

/** How one session is confined. */
export type SessionBox = {
  /** `namespaces`, or `none` and why: kept in the record. */
  readonly kind: string;
  readonly checkPlaces: readonly SandboxPlace[] | undefined;
  /** The session's program as it is to be started. */
  readonly wrap: (program: Program, seen: SessionView) => Program;
};

/** What a session's program sees and writes besides {@link Confinement.session}. */
export type SessionView = {
  readonly worktree: string;
  readonly readable: readonly string[];
  readonly writable: readonly string[];
};

/**
 * Finds out whether this machine can confine a session: Linux with namespaces of users, which needs no privilege and no
 * package beyond util-linux. Elsewhere Claude Code's own rules and the check of the worktree hold alone.
 * @throws WhetstoneError `session_failed` where it cannot and has to
 */
export async function openBox(
  confinement: Confinement | undefined,
  own: string,
  faultOf: (folder: string) => Promise<string | undefined> = sandboxFault,
): Promise<SessionBox> {
  if (confinement === undefined) return unconfined("none: not asked for");
  const fault = await faultOf(own);
  if (fault === undefined) return await confined(confinement, join(own, "root"));
  if (confinement.required !== true) return unconfined(`none: ${fault}`);
  throw new WhetstoneError("session_failed", `The session cannot be confined: ${fault}.`, {
    remedy: "Let ordinary users make namespaces on this machine, or set session.sandbox to if-possible.",
    data: { outcome: "setup_error" },
  });
}

function unconfined(kind: string): SessionBox {
  return { kind, checkPlaces: undefined, wrap: (program) => program };
}

async function confined({ session, checks }: Confinement, root: string): Promise<SessionBox> {
  await mkdir(root);
  return {
    kind: "namespaces",
    checkPlaces: checks,
    wrap: (program, { worktree, readable, writable }) => {
      const places = [
        ...session,
        ...each("read", [worktree, join(worktree, ".git"), ...readable]),
        ...each("write", writable),
      ];
      return sandboxed(program, { root, cwd: worktree, places, network: "host" });
    },
  };
}

function each(kind: SandboxPlace["kind"], paths: readonly string[]): readonly SandboxPlace[] {
  return paths.map((path) => ({ kind, path }));
}
