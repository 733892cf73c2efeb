#!/usr/bin/env node
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 20)) {
  // A namespace import: an older Node, which gets the message below, does not have this function.
  nodeModule.enableCompileCache?.();
  // A clone runs its sources as they are; the published package has no sources and runs what was built from them.
  const source = new URL("../src/cli/main.ts", import.meta.url);
  const entry = existsSync(source) ? source : new URL("../dist/cli/main.js", import.meta.url);
  const { main } = await import(entry.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  runOnOwnNode(fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url)));
}

/** A clone brings a matching Node along; the machine's own may be older. */
function runOnOwnNode(node) {
  if (!existsSync(node)) {
    process.stderr.write(
      `whetstone needs Node 22.20 or newer; this is ${process.version}.\n` +
        "Update Node, or run npm install in a clone of whetstone, which brings a matching Node along.\n",
    );
    process.exit(2);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
}
