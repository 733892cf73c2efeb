import { join } from "node:path";
import type { Env } from "../config/env.ts";
import type { Progress } from "../model/stage.ts";
import { writeFileWhole } from "../protect/files.ts";
import type { SessionRunner } from "../session/port.ts";
import { replayRunner } from "../session/replay.ts";
import { openSpanStore, type Places, spanStoreUrl } from "../wire.ts";
import type { LiveSession } from "./claude.ts";
import { interruptible } from "./interrupt.ts";
import { type LoopRun, openRun } from "./run.ts";
import { wordRules, type WordingEnd, type WordingRequest } from "./word-rules.ts";

/** Rules to be worded, and by whom: a recording (absolute path), or the real Claude Code. */
export type WordingOrder = Omit<WordingRequest, "runner"> & {
  readonly places: Places;
  readonly env: Env;
  readonly source: { readonly recording: string } | { readonly live: LiveSession };
  readonly note: (line: string) => void;
  readonly progress: Progress;
};

/** Writes what the session was told below `.whetstone/sessions`; its digest is in the record. */
async function keepContext({ workspace }: Pick<LoopRun, "workspace">, { session, context }: WordingEnd): Promise<void> {
  await writeFileWhole(join(workspace.folder, "sessions", session.id, "session/context.md"), context);
}

/**
 * Has rules worded by one session. What a live one holds is released, also on Ctrl-C and SIGTERM.
 * @throws WhetstoneError those of `wordRules`; `usage`, `package_refused` before a live one was started
 */
export async function executeWording(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  { places, env, source, note, progress, ...request }: WordingOrder,
): Promise<WordingEnd | undefined> {
  const by = async (runner: SessionRunner, on = run): Promise<WordingEnd | undefined> => {
    const end = await wordRules(on, { ...request, runner });
    if (end !== undefined) await keepContext(run, end);
    return end;
  };
  if ("recording" in source) return await by(replayRunner(source.recording));
  const { workspace, actor } = run;
  // The program is large and its parts are many: what replays a recording does without them.
  const { claudeSessions, openClaude } = await import("./claude.ts");
  const claude = await openClaude(source.live, {
    cwd: places.cwd,
    storeUrl: spanStoreUrl(places, env, workspace.config),
    note,
  });
  await using store = await openSpanStore(places, env, workspace.config);
  return await interruptible(async (signal) => {
    await using live = await openRun({ workspace, store, actor, progress, signal });
    return await by(claudeSessions(live, claude), live);
  });
}
