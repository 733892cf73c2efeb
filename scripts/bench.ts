import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

/** `npm run bench`: every bench of `bench/`, or those named. A bench prints its own table; nothing here judges. */
const named = process.argv.slice(2);
const all = readdirSync("bench")
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replace(/\.ts$/, ""));
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(", ")}; there are ${all.join(", ")}.\n`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : all) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(process.execPath, [`bench/${name}.ts`], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
