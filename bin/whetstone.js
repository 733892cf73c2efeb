#!/usr/bin/env node
import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 20)) {
  process.stderr.write(
    `whetstone needs Node 22.20 or newer; this is ${process.version}.\n` +
      "Run it as `npx whetstone` inside the project (npm brings a matching Node along), or update Node.\n",
  );
  process.exit(2);
}
enableCompileCache();
// A clone runs its sources as they are; the published package has no sources and runs what was built from them.
const source = new URL("../src/cli/main.ts", import.meta.url);
const entry = existsSync(source) ? source : new URL("../dist/cli/main.js", import.meta.url);
const { main } = await import(entry.href);
process.exitCode = await main(process.argv.slice(2));
