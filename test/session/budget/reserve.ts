/** Run as a process: node reserve.ts REPOSITORY ID — tries to reserve one dollar of three, and says whether it could. */
import { openGitState } from "../../../src/github/git-state.ts";
import { openBudgetDesk } from "../../../src/session/budget/desk.ts";
import { LIMITS, NOW } from "./limits.ts";

const [root = "", id = ""] = process.argv.slice(2);
const clock = { now: () => NOW };
const desk = openBudgetDesk({
  state: openGitState({ cwd: root, now: clock.now, retries: 200 }),
  clock,
  limits: LIMITS,
  expiryMinutes: 60,
});
const answer = await desk.reserve({ id, target: "notes", amount: { usd: 1, tokens: 10 } });
process.stdout.write(answer.ok ? "reserved" : `refused: ${answer.refusal.limit}`);
