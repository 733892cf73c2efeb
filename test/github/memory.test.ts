import { WhetstoneError } from "../../src/model/error.ts";
import { type MemoryFiles, openMemoryForge } from "../../src/github/memory.ts";
import { parsePatch } from "../../src/protect/patch.ts";
import { applyToTexts } from "../../src/protect/patch-apply.ts";
import { forgeContract, type WorktreeSetup, worktreeContract } from "./forge-contract.ts";

function apply(files: MemoryFiles, text: string): MemoryFiles {
  const parsed = parsePatch(text);
  const applied = parsed.ok ? applyToTexts(files, parsed.patch) : parsed;
  if (applied.ok) return applied.files;
  throw new WhetstoneError("git_failed", `The patch does not apply: ${applied.detail}.`);
}

const setup: WorktreeSetup = async (files) => {
  const forge = openMemoryForge({ files, apply });
  return {
    forge,
    commit: async (next) => forge.commit(next),
    worktree: {
      edit: async (paths) => forge.edit(paths),
      checkout: async (branch) => forge.checkout(branch),
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
};
forgeContract("memory", setup);
worktreeContract("memory", setup);
