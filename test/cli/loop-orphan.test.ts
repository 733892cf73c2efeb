import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { LeaseRecord } from "../../src/protect/lease.ts";
import { leftovers, NOTHING, processesIn } from "../support/leftovers.ts";
import { sampleProject } from "../support/sample-project.ts";
import { startWhetstone, whetstone } from "../support/whetstone.ts";

/** The process groups that the runs of a project have put on record. */
function leasedProcesses(root: string): number[] {
  const folder = join(root, ".whetstone", "leases");
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^[^.].*\.json$/.test(name)) : [];
  return files.flatMap((name) => {
    const lease = LeaseRecord.parse(JSON.parse(readFileSync(join(folder, name), "utf8")));
    return lease.processes.map(({ pid }) => pid);
  });
}

test("a server that ignores the end of its input and SIGTERM outlives a killed run until the next one ends it", async () => {
  const project = await sampleProject();
  const server = await readFile(join(project.root, "server.mjs"), "utf8");
  const sign = join(project.root, ".git", "server-is-deaf");
  // Once it is deaf it says its number in a file; it never answers, so the run hangs in the handshake until it is killed.
  const stubborn = `import { renameSync, writeFileSync } from "node:fs";
process.on("SIGTERM", () => {});
setInterval(() => {}, 1000);
writeFileSync(${JSON.stringify(`${sign}.new`)}, String(process.pid));
renameSync(${JSON.stringify(`${sign}.new`)}, ${JSON.stringify(sign)});
`;
  await project.write("server.mjs", stubborn + server.replace("process.stdout.write", "void"));
  project.commit("stubborn");
  const running = startWhetstone(["loop", "--local", "--mode", "analysis"], { cwd: project.root });
  const deaf = (): number => (existsSync(sign) ? Number(readFileSync(sign, "utf8")) : -1);
  while (!leasedProcesses(project.root).includes(deaf())) await new Promise((again) => setTimeout(again, 20));
  running.child.kill("SIGKILL");
  await running.ended;
  expect(await processesIn(join(project.root, ".whetstone"))).toContain(deaf());

  await project.write("server.mjs", server);
  project.commit("well again");
  const next = await whetstone(["loop", "--local", "--mode", "analysis"], { cwd: project.root });
  expect([next.code, next.err]).toEqual([0, expect.stringContaining("recovered: ")]);
  expect(await leftovers(project)).toEqual(NOTHING);
  await project.remove();
}, 180_000);
