import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { openWorkQueue } from "../../../../src/app/work/open.ts";
import { LEASE, NOW, workOf } from "../works.ts";

// `steps.ts URL FILE`: adds two works and does them, and waits for a line on its input after every step, so that it can be
// killed between any two. What it does about a work is a line of FILE.
const [url = "", file = ""] = process.argv.slice(2);
const input = createInterface(process.stdin);

async function step(name: string): Promise<void> {
  const told = once(input, "line");
  process.stdout.write(`${name}\n`);
  await told;
}

const queue = await openWorkQueue({ url });
await step("opened");
for (const id of ["a", "b"]) {
  await queue.add(workOf(id, { key: "k" }));
  await step(`added ${id}`);
}
for (let work = await queue.claim(NOW, LEASE); work; work = await queue.claim(NOW, LEASE)) {
  await step(`claimed ${work.id}`);
  appendFileSync(file, `${work.id}\n`);
  await step(`done ${work.id}`);
  await queue.end(work.claim, { kind: "done" }, NOW);
  await step(`ended ${work.id}`);
}
process.exit();
