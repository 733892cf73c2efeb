import { once } from "node:events";
import { writeSync } from "node:fs";
import { openStore } from "../../../src/store/open.ts";
import { log } from "../log-records.ts";
import { gauge, pointAt } from "../points.ts";

// Opens the store, prints `ready` and waits for a line. Then writes batches of 40 points and 40 records, each with half
// of the batch before it; prints how many of them were new as JSON. Arguments: URL of the store, number of batches.
const [url = "", batches = "0"] = process.argv.slice(2);
const store = await openStore({ url });
writeSync(1, "ready\n");
await once(process.stdin, "data");
const stored = { points: 0, records: 0 };
for (let n = 0; n < Number(batches); n += 1) {
  const places = Array.from({ length: 40 }, (_, k) => n * 20 + k);
  const points = places.map((place) => pointAt(gauge({ attributes: { series: place % 50 } }), place, place));
  const records = places.map((place) => log(place, { body: `line ${place}`, service: `service ${place % 7}` }));
  stored.points += (await store.metrics.append(points)).stored;
  stored.records += (await store.logs.append(records)).stored;
}
writeSync(1, `${JSON.stringify(stored)}\n`);
await store[Symbol.asyncDispose]();
process.stdin.destroy();
