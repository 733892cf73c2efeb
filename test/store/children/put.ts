import { once } from "node:events";
import { writeSync } from "node:fs";
import { codeOf } from "../../../src/model/error.ts";
import { openStore } from "../../../src/store/open.ts";

// Opens the store, prints `ready` and waits for a line. Then writes versions of one document until there are as many as
// asked for: prints `won <version>` or `lost <version>`. Arguments: URL of the store, author, number of versions.
const [url = "", author = "", rounds = "0"] = process.argv.slice(2);
const store = await openStore({ url });
writeSync(1, "ready\n");
await once(process.stdin, "data");
for (let after = 0; after < Number(rounds); after += 1) {
  const write = { kind: "spec", name: "shared", body: author, nowNs: BigInt(after), after } as const;
  const outcome = await store.documents.put(write).then(
    () => "won",
    (thrown: unknown) => (codeOf(thrown) === "conflict" ? "lost" : String(thrown)),
  );
  writeSync(1, `${outcome} ${after + 1}\n`);
}
await store[Symbol.asyncDispose]();
process.stdin.destroy();
