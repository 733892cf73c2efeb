import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Runs `work` while a shell script of this body stands in the place of git; `git` within it is the real one. */
export async function withGit<T>(folder: string, body: string, work: () => Promise<T>): Promise<T> {
  const path = process.env["PATH"] ?? "";
  await writeFile(join(folder, "git"), `#!/bin/sh\nPATH='${path}'\n${body}\n`);
  await chmod(join(folder, "git"), 0o755);
  process.env["PATH"] = `${folder}:${path}`;
  try {
    return await work();
  } finally {
    process.env["PATH"] = path;
  }
}
