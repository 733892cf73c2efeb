import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { openWorkQueue } from "../../../../src/app/work/open.ts";
import { LEASE, NOW } from "../works.ts";

// `worker.ts URL FILE`: says `ready`, starts at a line on its input and works off what is there; begin and end of each work
// are lines of FILE, which several processes share.
const [url = "", file = ""] = process.argv.slice(2);
const queue = await openWorkQueue({ url });
process.stdout.write("ready\n");
for await (const _ of createInterface(process.stdin)) break;
for (;;) {
  const work = await queue.claim(NOW, LEASE);
  if (work === undefined) {
    // What the other one holds frees its key when it ends.
    const { waiting } = await queue.counts(NOW);
    if (waiting === 0) break;
    await new Promise(setImmediate);
    continue;
  }
  appendFileSync(file, `begin ${work.key} ${work.id}\n`);
  await new Promise(setImmediate);
  appendFileSync(file, `end ${work.key} ${work.id}\n`);
  await queue.end(work.claim, { kind: "done" }, NOW);
}
await queue[Symbol.asyncDispose]();
process.stdout.write("over\n");
// Its input is still open.
process.exit();
