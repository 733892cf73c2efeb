import { WhetstoneError } from "../model/error.ts";
import { runGit } from "./git.ts";

type Waiting = {
  readonly blob: string;
  readonly resolve: (text: string) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Reads blobs as UTF-8. Those that are asked for at once are read by one git process: starting one costs more than
 * reading hundreds of blobs. Errors: `git_failed`, also for an object that is missing or is no blob.
 */
export function blobReader(cwd: string): (blob: string) => Promise<string> {
  let waiting: Waiting[] = [];
  const readAll = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    try {
      const texts = await readBlobs(
        cwd,
        batch.map(({ blob }) => blob),
      );
      for (const [index, { resolve }] of batch.entries()) resolve(texts[index] ?? "");
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  return (blob) =>
    new Promise((resolve, reject) => {
      waiting.push({ blob, resolve, reject });
      if (waiting.length === 1) setImmediate(() => void readAll());
    });
}

/** `cat-file --batch` answers each id with `<id> blob <bytes>`, a line break, the bytes and a line break. */
async function readBlobs(cwd: string, blobs: readonly string[]): Promise<readonly string[]> {
  const args = ["cat-file", "--batch"];
  const { stdout } = await runGit({ args, cwd, input: blobs.map((blob) => `${blob}\n`).join("") });
  const texts: string[] = [];
  let at = 0;
  for (const blob of blobs) {
    const end = stdout.indexOf("\n", at);
    const head = stdout.toString("utf8", at, end === -1 ? stdout.length : end);
    const bytes = new RegExp(`^${blob} blob (\\d+)$`).exec(head)?.[1];
    if (bytes === undefined) {
      throw new WhetstoneError("git_failed", `git cat-file found no blob ${blob}: ${head}`, {
        remedy: "The repository is damaged or was pruned: run git fsck.",
        data: { args, stderr: head },
      });
    }
    at = end + 1;
    texts.push(stdout.toString("utf8", at, at + Number(bytes)));
    at += Number(bytes) + 1;
  }
  return texts;
}
