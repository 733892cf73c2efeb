import { openGitState } from "../../src/github/git-state.ts";
import { appendLine } from "./append-line.ts";

/** A writer in a process of its own: `node state-writer.ts ROOT NAME COUNT` appends NAME-1 … NAME-COUNT. */
const [root = "", name = "", count = "1"] = process.argv.slice(2);
const store = openGitState({ cwd: root, now: () => 1_700_000_000_000_000_000n });
for (let line = 1; line <= Number(count); line += 1) await appendLine(store, `${name}-${line}`);
