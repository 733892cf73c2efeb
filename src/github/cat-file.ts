import { WhetstoneError } from "../model/error.ts";
import { gitFailure } from "./git.ts";
import { type GitStart, type RunningGit, startGit } from "./git-process.ts";

/** An object as git stores it, without its header. */
export type GitObject = { readonly id: string; readonly type: string; readonly bytes: Buffer };

/**
 * Gives an object by a name without white space: an id, or a full ref with what git takes behind it. Undefined when there
 * is none. Errors: `git_failed`, `not_a_repository`, `timeout`.
 */
export type CatFile = (name: string) => Promise<GitObject | undefined>;

type Waiting = {
  readonly name: string;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: unknown) => void;
};
type Session = { readonly git: RunningGit; readonly waiting: Waiting[] };

const ARGS = ["cat-file", "--batch"];

/**
 * Reads objects of a repository; `args` are settings before the command. One git process answers whatever is asked for without a pause: starting one
 * costs more than reading hundreds of objects. It ends as soon as nothing more is asked for, so none is left behind.
 */
export function openCatFile({ args: settings = [], ...place }: Partial<GitStart> & Pick<GitStart, "cwd">): CatFile {
  const start = { ...place, args: [...settings, ...ARGS] };
  let current: Session | undefined;
  const endWhenIdle = (session: Session): void => {
    if (session.waiting.length > 0 || current !== session) return;
    current = undefined;
    session.git.stdin.end();
  };
  const begin = (): Session => {
    const session: Session = { git: startGit(start), waiting: [] };
    const answer = answering(session);
    session.git.stdout.on("data", (chunk: Buffer) => {
      answer(chunk);
      // Whoever got an answer may go on asking at once.
      if (session.waiting.length === 0) setImmediate(endWhenIdle, session);
    });
    void session.git.ended.then(
      (end) => fail(session, gitFailure({ args: ARGS }, end)),
      (error: unknown) => fail(session, error),
    );
    return session;
  };
  const fail = (session: Session, error: unknown): void => {
    if (current === session) current = undefined;
    for (const { reject } of session.waiting.splice(0)) reject(error);
  };
  return (name) =>
    new Promise((resolve, reject) => {
      current ??= begin();
      current.waiting.push({ name, resolve, reject });
      current.git.stdin.write(`${name}\n`);
    });
}

/**
 * Takes standard output as it comes. Each name is answered with `<id> <type> <bytes>`, a line break, the bytes and a line
 * break, or with `<name> missing`.
 */
function answering({ waiting }: Session): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let length = 0;
  let needed = 1;
  return (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < needed) return;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    let at = 0;
    for (let found = readAnswer(all, at); ; found = readAnswer(all, at)) {
      needed = found.needed;
      if (found.end === undefined) break;
      at = found.end;
      settle(waiting.shift(), found);
    }
    chunks = [all.subarray(at)];
    length = all.length - at;
  };
}

type Answer = {
  readonly head: string;
  readonly object: GitObject | undefined;
  /** Where the next answer begins; undefined while this one is not whole. */
  readonly end: number | undefined;
  /** Bytes from its begin on without which the answer is not whole. */
  readonly needed: number;
};

function readAnswer(bytes: Buffer, at: number): Answer {
  const headEnd = bytes.indexOf(10, at);
  if (headEnd === -1) return { head: "", object: undefined, end: undefined, needed: bytes.length - at + 1 };
  const head = bytes.toString("utf8", at, headEnd);
  const [, id, type, size] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(head) ?? [];
  if (id === undefined || type === undefined) return { head, object: undefined, end: headEnd + 1, needed: 1 };
  const from = headEnd + 1;
  const end = from + Number(size) + 1;
  if (end > bytes.length) return { head, object: undefined, end: undefined, needed: end - at };
  return { head, object: { id, type, bytes: bytes.subarray(from, end - 1) }, end, needed: 1 };
}

function settle(asked: Waiting | undefined, { head, object }: Answer): void {
  if (asked === undefined) return;
  if (object !== undefined || head === `${asked.name} missing`) return asked.resolve(object);
  asked.reject(
    new WhetstoneError("git_failed", `git cat-file answers ${asked.name} with: ${head}`, {
      remedy: "Run git fsck: an object may be damaged.",
      data: { args: ARGS, stderr: head },
    }),
  );
}
