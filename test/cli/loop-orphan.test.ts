import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { leftovers, NOTHING, processesIn } from "../support/leftovers.ts";
import { sampleProject } from "../support/sample-project.ts";
import { startWhetstone, whetstone } from "../support/whetstone.ts";

test("a server that ignores the end of its input and SIGTERM outlives a killed run until the next one ends it", async () => {
  const project = await sampleProject();
  const server = await readFile(join(project.root, "server.mjs"), "utf8");
  // It tells its number and never answers, so the run hangs in the handshake until it is killed.
  const stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stderr.write('up');\n";
  await project.write("server.mjs", stubborn + server.replace("process.stdout.write", "void"));
  project.commit("stubborn");
  const running = startWhetstone(["loop", "--local", "--mode", "analysis"], { cwd: project.root });
  const servers = async (): Promise<number[]> => (await processesIn(join(project.root, ".whetstone"))).filter(Boolean);
  while ((await servers()).length === 0) await new Promise((again) => setTimeout(again, 20));
  running.child.kill("SIGKILL");
  await running.ended;
  expect(await servers()).toHaveLength(1);

  await project.write("server.mjs", server);
  project.commit("well again");
  const next = await whetstone(["loop", "--local", "--mode", "analysis"], { cwd: project.root });
  expect([next.code, next.err]).toEqual([0, expect.stringContaining("recovered: ")]);
  expect(await leftovers(project)).toEqual(NOTHING);
  await project.remove();
}, 180_000);
