import { writeSync } from "node:fs";
import { registerHooks } from "node:module";

// Opens a store by openStore and prints whether the package pg was loaded for it.
let loaded = false;
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === "pg") loaded = true;
    return next(specifier, context);
  },
});
const { openStore } = await import("../../../src/store/open.ts");
await openStore({ url: process.argv[2] ?? "" }).then(
  (store) => store[Symbol.asyncDispose](),
  () => undefined,
);
writeSync(1, `pg loaded: ${loaded}\n`);
