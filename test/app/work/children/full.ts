import { codeOf } from "../../../../src/model/error.ts";
import { openWorkQueue } from "../../../../src/app/work/open.ts";
import { LEASE, NOW, workOf } from "../works.ts";

// `full.ts URL`: holds one work, and adds others until the disk takes no more; prints each id that was taken, and then what
// adding, claiming, ending and looking come to.
const [url = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ending = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => "done",
    (error: unknown) => codeOf(error) ?? "other",
  );

const queue = await openWorkQueue({ url });
await queue.add(workOf("held"));
const held = await queue.claim(NOW, LEASE);
const payload = JSON.stringify("x".repeat(50_000));
for (let n = 0; n < 1_000; n += 1) {
  const added = await ending(queue.add(workOf(`w${n}`, { payload, digest: `d${n}` })));
  say(`w${n} ${added}`);
  if (added !== "done") break;
}
say(`look ${await ending(queue.counts(NOW))}`);
say(
  `end ${await ending(queue.end(held?.claim ?? "", { kind: "failed", error: payload.repeat(4), retryAt: NOW }, NOW))}`,
);
process.exit();
