import { openGitState } from "../../src/github/git-state.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendLedger } from "../../src/protect/ledger.ts";
import { entry } from "./ledger-entries.ts";

/** A writer in a process of its own: `node append-record.ts ROOT FIRST COUNT` appends the entries FIRST, FIRST + 1, …, one by one. */
const [root = "", first = "1", count = "1"] = process.argv.slice(2);
const clock = manualClock();
const state = openGitState({ cwd: root, now: clock.now });
for (let n = 0; n < Number(count); n += 1) await appendLedger(state, [entry(Number(first) + n)], { clock });
