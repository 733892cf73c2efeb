import { readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { SessionMode } from "../model/proposal.ts";
import { withoutRuleBlock } from "./claude-md.ts";
import { modeSection } from "./context/guidance.ts";

/** Larger than any page that people read. */
const LARGEST_PAGE_BYTES = 1024 * 1024;

/**
 * What the CLAUDE.md at the root of a worktree says for a mode; undefined without the file or the section. The worktree
 * is one of the base commit: its CLAUDE.md was reviewed, a proposal cannot change it. It may be a link within the worktree.
 * The block of learned rules is left out: which of them a session sees is drawn.
 * @throws WhetstoneError `input_unreadable` when it leads outside, is no file, or is larger than 1 MiB
 */
export async function readGuidance(worktree: string, mode: SessionMode): Promise<string | undefined> {
  const path = await realpath(join(worktree, "CLAUDE.md")).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (path === undefined) return undefined;
  const outside = !path.startsWith(`${await realpath(worktree)}${sep}`);
  const stats = await stat(path);
  if (!outside && stats.isFile() && stats.size <= LARGEST_PAGE_BYTES) {
    return modeSection(withoutRuleBlock(await readFile(path, "utf8")), mode);
  }
  const what = outside ? "leads outside" : stats.isFile() ? `is larger than ${LARGEST_PAGE_BYTES} bytes` : "is no file";
  throw new WhetstoneError("input_unreadable", `CLAUDE.md of the base commit ${what}.`, {
    remedy: "Make it a plain, short file: sessions are told its section for their mode.",
  });
}
