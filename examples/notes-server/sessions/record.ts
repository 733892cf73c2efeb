/**
 * Brings the patches of the recorded sessions up to date: `node examples/notes-server/sessions/record.ts`.
 * A patch is the difference between `../src` and the files of `variants/<name>`, as `git diff` prints it.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** The recorded sessions, by the names of their files. */
export const SESSIONS = ["good", "bad-result", "bad-under-load"] as const;

const SOURCES = "examples/notes-server/src";
// Nobody's own git settings may change how a diff looks.
const GIT_ENV = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

/** What a variant changes, as a patch to be applied at the repository's root. */
export async function patchOf(session: string): Promise<string> {
  const variant = join(import.meta.dirname, "variants", session);
  const repository = await mkdtemp(join(tmpdir(), "notes-record-"));
  const git = async (...args: string[]) =>
    (await promisify(execFile)("git", args, { cwd: repository, env: GIT_ENV })).stdout;
  try {
    await cp(join(import.meta.dirname, "../src"), join(repository, SOURCES), { recursive: true });
    await git("init", "--quiet");
    await git("add", "--all");
    for (const file of await readdir(variant)) {
      await cp(join(variant, file), join(repository, SOURCES, file.replace(/\.txt$/, "")));
    }
    await git("add", "--all", "--intent-to-add");
    return await git("diff", "--full-index");
  } finally {
    await rm(repository, { recursive: true });
  }
}

async function record(session: string): Promise<void> {
  const file = join(import.meta.dirname, `${session}.json`);
  const recorded = JSON.parse(await readFile(file, "utf8")) as { answer: { patch: string } };
  recorded.answer.patch = await patchOf(session);
  await writeFile(file, `${JSON.stringify(recorded, null, 2)}\n`);
}

if (import.meta.main) await Promise.all(SESSIONS.map(record));
