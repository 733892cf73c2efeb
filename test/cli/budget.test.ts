import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openGitState } from "../../src/github/git-state.ts";
import { BudgetReport } from "../../src/model/budget.ts";
import { manualClock } from "../../src/model/time.ts";
import { openBudgetDesk } from "../../src/session/budget/desk.ts";
import { whetstone } from "../support/whetstone.ts";

const CONFIG = `version: 1
targets:
  notes: { command: node server.mjs, source: ["src/**"], workload: workload.json }
budgets:
  session: { usd: 1, tokens: 1000 }
  day: { usd: 4 }
  target: { usd: 2.5 }
`;
const clock = manualClock(BigInt(Date.parse("2025-03-01T10:00:00Z")) * 1_000_000n);

let folder = "";
const show = (...args: string[]) => whetstone(["budget", "show", ...args], { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-budget-"));
  execFileSync("git", ["init", "-q"], { cwd: folder });
  await writeFile(join(folder, "whetstone.yaml"), CONFIG);
  const amount = { usd: 1, tokens: 1_000 };
  const limits = { session: amount, day: { usd: 4, tokens: 10_000 }, target: { usd: 2.5, tokens: 10_000 } };
  const desk = openBudgetDesk({
    state: openGitState({ cwd: folder, now: clock.now }),
    clock,
    limits,
    expiryMinutes: 1,
  });
  const first = await desk.reserve({ id: "r-measured", target: "notes" });
  const second = await desk.reserve({ id: "r-unknown", target: "notes" });
  await desk.reserve({ id: "r-lost", target: "files" });
  if (first.ok) await desk.settle(first.ticket, { usd: 0.25, tokens: 400 });
  if (second.ok) await desk.settle(second.ticket, "unknown");
}, 180_000);
afterAll(() => rm(folder, { recursive: true }));

describe("budget show", () => {
  test("a day: what was spent, what is left, and on which sessions; what is not known is said", async () => {
    const { code, out, err } = await show("--day", "2025-03-01");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("One session may spend $1.00, 1,000 tokens.");
    expect(out).toMatch(/all targets +\$4\.00, 15,000,000 tokens +\$1\.25, 1,400 tokens +\$0\.00, 0 tokens +\$2\.75/);
    expect(out).toMatch(/notes +\$2\.50, .* +\$1\.25/);
    expect(out).toMatch(/r-measured +notes +2025-03-01T10:00:00.* +\$0\.25, 400 tokens +settled/);
    expect(out).toMatch(/r-unknown .*\$1\.00, 1,000 tokens \(counted in full\) +settled/);
    expect(out).toContain("1 never came back");
  });

  test("the same for programs", async () => {
    const { out } = await show("--day", "2025-03-01", "--json");
    const report = BudgetReport.parse(JSON.parse(out));
    expect(report.lines.map(({ target, left }) => [target, left.usd])).toEqual([
      [null, 2.75],
      ["files", 2.5],
      ["notes", 1.25],
    ]);
    expect(report.sessions.map(({ id, state }) => [id, state])).toEqual([
      ["r-measured", "settled"],
      ["r-unknown", "settled"],
      ["r-lost", "expired"],
    ]);
  });

  test("a day without a session, which is what today is here", async () => {
    const { code, out } = await show("--day", "2025-01-01");
    expect(code).toBe(0);
    expect(out).toContain("No session was started on 2025-01-01.");
    expect((await show()).out).toContain("No session was started on ");
  });

  test.each(["yesterday", "2026-13-01", "2026-02-30", ""])("%j is no day", async (day) => {
    const { code, err } = await show(`--day=${day}`);
    expect(code).toBe(2);
    expect(err).toContain("is no day");
  });

  test("a day's file that cannot be read is said, not taken for an empty one", async () => {
    const state = openGitState({ cwd: folder, now: clock.now });
    await state.update("break", async () => ({
      change: new Map([["budgets/2026-01-01.json", "{"]]),
      value: undefined,
    }));
    const { code, err } = await show("--day", "2026-01-01");
    expect(code).toBe(1);
    expect(err).toContain("budgets/2026-01-01.json");
  });
});
