import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createRandom } from "../../src/stats/random.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { startWhetstone, whetstone } from "../support/whetstone.ts";

let project: SampleProject;
let session: string;
beforeAll(async () => {
  project = await sampleProject();
  session = await project.session(BETTER_WORK);
});
afterAll(() => project.remove());

const STAGES = ["gate", "capture", "analyze", "session", "detect", "validate", "propose", "canary", "record"];

/** Kills a run with SIGKILL a random moment after a random stage ended, and waits until its servers have gone too. */
async function killOnce(moment: { stage: string; afterMs: number }): Promise<void> {
  const running = startWhetstone(["loop", "--local", "--session", `replay:${session}`], { cwd: project.root });
  running.child.stderr?.on("data", (text: string) => {
    if (text.includes(`✓ ${moment.stage}`)) setTimeout(() => running.child.kill("SIGKILL"), moment.afterMs);
  });
  await running.ended;
}

test("kill -9 at ten random moments, then run again: all is well and nothing is left behind", async () => {
  const random = createRandom("kill");
  for (let round = 0; round < 10; round += 1) {
    const stage = STAGES[Math.floor(random.uniform() * STAGES.length)] ?? "gate";
    await killOnce({ stage, afterMs: Math.floor(random.uniform() * 400) });
  }
  const ended = await whetstone(["loop", "--local", "--session", `replay:${session}`, "--json"], { cwd: project.root });
  expect({ code: ended.code, err: ended.code === 0 ? "" : ended.err }).toEqual({ code: 0, err: "" });
  const { branch } = JSON.parse(ended.out);
  expect(await leftovers(project)).toEqual({ ...NOTHING, branches: [branch] });
  const verified = await whetstone(["audit", "verify", "--json"], { cwd: project.root });
  expect([verified.code, JSON.parse(verified.out).ok]).toEqual([0, true]);
  const stored = await whetstone(["traces", "search", "--json", "--limit", "1"], { cwd: project.root });
  expect([stored.code, JSON.parse(stored.out).total > 0]).toEqual([0, true]);
}, 180_000);
