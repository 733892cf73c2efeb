import { runGit } from "../../../src/github/git.ts";
import { openWallGit } from "../../../src/github/wall-git.ts";
import { temporaryRepository } from "../../support/git-repository.ts";
import { file, type Files } from "./bundle-writer.ts";

const SUBMODULE = "5".repeat(40);
const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");

/** What the base of the corpora holds. */
export const BASE: Files = {
  "src/a.ts": file("one\ntwo\nthree\n"),
  "src/lib/x.ts": file("x\n"),
  "src/long.ts": file(lines(60)),
  "src/repeat.ts": file("same\n".repeat(40)),
  "src/crlf.txt": file("one\r\ntwo\r\nthree\r\n"),
  "src/noeol.txt": file("one\ntwo"),
  "src/empty.txt": file(""),
  "src/bin/run.sh": file("#!/bin/sh\n", "100755"),
  "src/bin/plain.sh": file("#!/bin/sh\ntrue\n"),
  "src/latin1.txt": file(Buffer.from("caf\xe9\nplain\nend\n", "latin1")),
  "src/žluť.ts": file("kůň\n"),
  "src/straße.ts": file("s\n"),
  "src/with blank.ts": file("blank\n"),
  "src/img/logo.png": file(Buffer.from([0x89, 80, 78, 71, 13, 10, 26, 10, 0, 1, 2, 3, 250, 251])),
  "src/link": file("a.ts", "120000"),
  "src/sub": { ...file("", "160000"), id: SUBMODULE },
  "README.md": file("read me\n"),
  "package.json": file("{}\n"),
  ".github/workflows/ci.yml": file("on: push\n"),
};

/** A repository with {@link BASE} as its only commit, and a wall's git over it. */
export async function wallPlace(files: Files = BASE) {
  const all = new AsyncDisposableStack();
  const repository = all.use(await temporaryRepository());
  const plain = Object.entries(files).filter(([, one]) => !["120000", "160000"].includes(one.mode));
  await repository.write(Object.fromEntries(plain.map(([path, { content }]) => [path, content])));
  await repository.git("add", "--all");
  const special: string[] = [];
  for (const [path, { mode, content, id }] of Object.entries(files)) {
    if (mode === "100644") continue;
    const input = { args: ["hash-object", "-w", "--stdin"], cwd: repository.root, input: content };
    special.push(`${mode} ${id ?? (await runGit(input)).stdout.toString().trim()}\t${path}`);
  }
  await runGit({ args: ["update-index", "--index-info"], cwd: repository.root, input: `${special.join("\n")}\n` });
  await repository.git("commit", "--quiet", "-m", "base");
  const sha = await repository.git("rev-parse", "HEAD");
  const git = all.use(await openWallGit(repository.root));
  return { repository, sha, git, files, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
export type WallPlace = Awaited<ReturnType<typeof wallPlace>>;
