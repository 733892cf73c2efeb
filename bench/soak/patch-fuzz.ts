import { runGit } from "../../src/github/git.ts";
import { openWallGit } from "../../src/github/wall-git.ts";
import { parsePatch } from "../../src/protect/patch.ts";
import type { Patch } from "../../src/protect/patch-form.ts";
import { judgeScope } from "../../src/protect/patch-rules.ts";
import { judgeViews } from "../../src/protect/wall/agreement.ts";
import type { GitReading, RawChange } from "../../src/protect/wall/change.ts";
import { ownView } from "../../src/protect/wall/own-view.ts";
import type { BaseTree, TreeEntry, WallGit } from "../../src/protect/wall/wall-git.ts";
import { createRandom } from "../../src/stats/random.ts";

/**
 * Fuzzing of the patch parser against git. A case is an honest patch with up to three random changes, in a folder of its
 * own. What our parser, rules and exact application accept is put together to one patch per batch and given to git
 * (`git apply --cached --numstat --summary`, then `git diff-tree --raw`): git's words and blob ids must be ours, case by
 * case. A case that git refuses in the batch is taken out and counted; a case that differs is tried again alone. What we
 * refuse is given to git alone for a sample, to count what git would have taken.
 */
export type FuzzResult = {
  readonly cases: number;
  readonly accepted: number;
  /** Accepted by us and read alike by git. */
  readonly alike: number;
  /** Accepted by us, refused by git: the wall refuses them. */
  readonly gitRefuses: number;
  /** Accepted by both and read otherwise: must stay empty. */
  readonly otherwise: readonly string[];
  /** Refused by us, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly sampled: number;
  /** Of the sample: refused by us although git takes it, by reason and first words. */
  readonly strict: Readonly<Record<string, number>>;
};

const BATCH = 1_000;
type Files = Readonly<Record<string, string>>;
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}\n`).join("");
/** What each case's folder holds. */
const FILES: Files = {
  a: numbered(12),
  "b c.txt": "x\ny\nz\n",
  "ř.txt": "jedna\ndvě\n",
  same: "same\n".repeat(15),
  noeol: "one\ntwo",
  crlf: "one\r\ntwo\r\nthree\r\n",
  empty: "",
};
type Random = () => number;
const below = (random: Random, limit: number) => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;
const split = (text: string) => text.split(/(?<=\n)/).filter((line) => line !== "");
const signed = (sign: string, line: string) =>
  `${sign}${line}${line.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`;
const quoted = (name: string) =>
  /[^\x20-\x7e]/.test(name)
    ? `"${Array.from(Buffer.from(name), (byte) => (byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`)).join("")}"`
    : name;
const side = (name: string) => (name.includes(" ") ? `${quoted(name)}\t` : quoted(name));
const range = (start: number, count: number) => `${count === 0 ? start : start + 1}${count === 1 ? "" : `,${count}`}`;

function hunks(random: Random, lines: readonly string[]): string {
  const out: string[] = [];
  let [at, shift] = [0, 0];
  const context = pick(random, [3, 3, 3, 1, 2]);
  for (let count = 1 + below(random, 2); count > 0 && at <= lines.length; count -= 1) {
    const from = at + below(random, Math.max(1, lines.length - at));
    const gone = lines.slice(from, from + below(random, 3));
    const made = Array.from({ length: below(random, 3) + (gone.length === 0 ? 1 : 0) }, () =>
      pick(random, ["new\n", "line 3\n", "\n", "-- a\n", "+\n", "ž\n"]),
    );
    const before = lines.slice(Math.max(at, from - context), from);
    const after = lines.slice(from + gone.length, from + gone.length + context);
    const start = from - before.length;
    const [old, now] = [before.length + gone.length + after.length, before.length + made.length + after.length];
    if (gone.join("") === made.join("")) continue;
    out.push(`@@ -${range(start, old)} +${range(start + shift, now)} @@\n`);
    out.push(
      ...before.map((line) => signed(" ", line)),
      ...gone.map((line) => signed("-", line)),
      ...made.map((line) => signed("+", line)),
      ...after.map((line) => signed(" ", line)),
    );
    shift += now - old;
    at = start + old + 1;
  }
  return out.join("");
}

function fileChange(random: Random, folder: string, name: string): string {
  const path = `${folder}/${name}`;
  const [old, now] = [quoted(`a/${path}`), quoted(`b/${path}`)];
  const lines = split(FILES[name] ?? "");
  const sides = (from: string, to: string) => `--- ${from}\n+++ ${to}\n`;
  switch (below(random, 8)) {
    case 0: {
      const fresh = `${folder}/new ${below(random, 3)}`;
      const count = 1 + below(random, 3);
      return `diff --git ${quoted(`a/${fresh}`)} ${quoted(`b/${fresh}`)}\nnew file mode ${pick(random, ["100644", "100644", "100755"])}\n${sides("/dev/null", side(`b/${fresh}`))}@@ -0,0 +${range(0, count)} @@\n${"+n\n".repeat(count)}`;
    }
    case 1:
      return `diff --git ${old} ${now}\ndeleted file mode 100644\n${lines.length === 0 ? "" : `${sides(side(`a/${path}`), "/dev/null")}@@ -${range(0, lines.length)} +0,0 @@\n${lines.map((line) => signed("-", line)).join("")}`}`;
    case 2: {
      const to = `${folder}/${pick(random, ["moved", "deep/moved to", "ž"])}`;
      const edit = lines.length > 0 && random() < 0.5 ? hunks(random, lines) : "";
      const score = edit === "" ? 100 : 50 + below(random, 50);
      return `diff --git ${old} ${quoted(`b/${to}`)}\nsimilarity index ${score}%\nrename from ${quoted(path)}\nrename to ${quoted(to)}\n${edit === "" ? "" : `${sides(side(`a/${path}`), side(`b/${to}`))}${edit}`}`;
    }
    case 3:
      return `diff --git ${old} ${now}\nold mode 100644\nnew mode 100755\n`;
    default: {
      const edit = hunks(random, lines);
      const index = random() < 0.5 ? "index 1111111..2222222 100644\n" : "";
      return edit === ""
        ? ""
        : `diff --git ${old} ${now}\n${index}${sides(side(`a/${path}`), side(`b/${path}`))}${edit}`;
    }
  }
}

const STRAY = [
  "",
  " ",
  "+x",
  "-x",
  " x",
  "\\ No newline at end of file",
  "--- /dev/null",
  "+++ /dev/null",
  "@@ -1 +1 @@",
  "@@ -0,0 +1 @@",
  "new file mode 100644",
  "deleted file mode 100644",
  "old mode 100644",
  "new mode 100755",
  "index 1..2",
  "index 1111111..2222222 120000",
  "rename from x",
  "copy from a",
  "similarity index 90%",
  "dissimilarity index 90%",
  "GIT binary patch",
  "literal 0",
  "HcmV?d00001",
  "-- ",
  "diff --git a/x b/x",
  "Binary files a/x and b/x differ",
  "\t",
  "--",
  "***",
];

function mutate(random: Random, lines: string[]): void {
  const at = below(random, lines.length);
  const line = lines[at] ?? "";
  const moves: readonly (() => unknown)[] = [
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, line),
    () => lines.splice(at, 0, pick(random, STRAY)),
    () => lines.splice(at, 1, pick(random, STRAY)),
    () => lines.splice(at, 0, pick(random, lines)),
    () => lines.splice(at, 2, lines[at + 1] ?? "", line),
    () =>
      (lines[at] = line.replace(/\d+/g, (digits) =>
        random() < 0.5 ? String(Number(digits) + below(random, 3) - 1) : digits,
      )),
    () =>
      (lines[at] =
        line.slice(0, below(random, line.length + 1)) +
        pick(random, ["", " ", "\t", "\r", '"', "\\", "/", "../", "0", "\u0000"]) +
        line.slice(below(random, line.length + 1))),
    () => (lines[at] = pick(random, ["+", "-", " ", "\\ ", "@"]) + line.slice(1)),
    () =>
      (lines[at] = line.replace(
        /100(644|755)/,
        pick(random, ["100644", "100755", "120000", "160000", "0100644", "100664", "644"]),
      )),
    () => (lines[at] = line.replace(/\b([ab])\//, pick(random, ["a/", "b/", "", "x/", "/", "./"]))),
    () => (lines[at] = `${line}\r`),
    () => lines.splice(below(random, lines.length + 1)),
    () => lines.push(pick(random, STRAY)),
  ];
  pick(random, moves)();
}

/** A case's text from a seed: the same seed gives the same text. */
function caseOf(seed: string, folder: string): string {
  const generator = createRandom(seed);
  const random: Random = () => generator.uniform();
  const names = Object.keys(FILES);
  const first = below(random, names.length);
  const chosen = [first, ...(random() < 0.3 ? [(first + 1 + below(random, names.length - 1)) % names.length] : [])];
  const lines = chosen
    .map((index) => fileChange(random, folder, names[index] ?? "a"))
    .join("")
    .split("\n");
  lines.pop();
  if (lines.length === 0) return "";
  for (let count = pick(random, [0, 1, 1, 1, 2, 3]); count > 0 && lines.length > 0; count -= 1) mutate(random, lines);
  return random() < 0.98 ? lines.map((line) => `${line}\n`).join("") : lines.join("\n");
}

type Own = {
  readonly text: string;
  readonly folder: string;
  readonly patch: Patch;
  readonly changes: readonly RawChange[];
};

/** What we make of a case: an own view, or the reason of the refusal. */
function ownReading(
  text: string,
  folder: string,
  base: { tree: string; entries: Map<string, TreeEntry>; contents: Map<string, Uint8Array> },
): Own | string {
  const read = parsePatch(text);
  if (!read.ok) return `${read.reason}: ${read.detail.replace(/^.*line \d+: /, "")}`;
  const limits = { files: 100, lines: 10_000, hunks: 1_000, bytes: 1_000_000 };
  const scope = judgeScope(read.patch, { source: [`${folder}/**`], executable: ["**"], limits });
  if (scope.verdict !== "pass") return scope.reasons.join(", ");
  const own = ownView(read.patch, base);
  return own.ok ? { text, folder, patch: read.patch, changes: own.changes } : "patch_does_not_apply";
}

const folderAt = (index: number) => `c${String(index).padStart(4, "0")}`;

async function makeBase(root: string): Promise<string> {
  const git = async (args: readonly string[], input = "") =>
    (await runGit({ args, cwd: root, input })).stdout.toString().trim();
  const blobs: string[] = [];
  for (const [name, text] of Object.entries(FILES))
    blobs.push(`100644 blob ${await git(["hash-object", "-w", "--stdin"], text)}\t${name}\0`);
  const folder = await git(["mktree", "-z"], blobs.join(""));
  const tree = await git(
    ["mktree"],
    Array.from({ length: BATCH }, (_, n) => `040000 tree ${folder}\t${folderAt(n)}\n`).join(""),
  );
  return await git(["commit-tree", tree, "-m", "base"]);
}

/** Takes out of a batch what git names in its errors; all of it when it names nothing that we find. */
function culprits(batch: readonly Own[], detail: string): ReadonlySet<Own> {
  const errors = detail.split("\n").filter((line) => /^(?:error|fatal):/.test(line));
  const named = new Set(errors.flatMap((line) => line.match(/c\d{4}(?=\/)/g) ?? []));
  const found = new Set(batch.filter(({ folder }) => named.has(folder)));
  for (const error of errors) {
    const number = Number(/(?:line |<stdin>:)(\d+)/.exec(error)?.[1] ?? Number.NaN);
    let line = 0;
    for (const own of batch) {
      const next = line + own.text.split("\n").length - 1;
      if (number > line && number <= next + 1) found.add(own);
      line = next;
    }
  }
  return found.size > 0 ? found : new Set(batch);
}

function readingsByFolder({
  numstat,
  summary,
}: GitReading): ReadonlyMap<string, { numstat: string[]; summary: string[] }> {
  const all = new Map<string, { numstat: string[]; summary: string[] }>();
  let folder = "";
  for (const [kind, list] of [
    ["numstat", numstat],
    ["summary", summary],
  ] as const) {
    for (const line of list) {
      folder = /c\d{4}(?=\/)/.exec(line)?.[0] ?? folder;
      const one = all.get(folder) ?? { numstat: [], summary: [] };
      one[kind].push(line);
      all.set(folder, one);
    }
  }
  return all;
}

type Outcome = { alike: number; refused: Own[]; otherwise: string[] };

async function askGit(git: WallGit, base: BaseTree & { sha: string }, batch: readonly Own[]): Promise<Outcome> {
  if (batch.length === 0) return { alike: 0, refused: [], otherwise: [] };
  const applied = await git.apply(base.sha, Buffer.from(batch.map(({ text }) => text).join("")));
  if (!applied.ok) {
    const out = culprits(batch, applied.detail);
    if (out.size === 1 && batch.length === 1) return { alike: 0, refused: [...batch], otherwise: [] };
    const rest = await askGit(
      git,
      base,
      batch.filter((own) => !out.has(own)),
    );
    for (const own of out) {
      const alone = await askGit(git, base, [own]);
      rest.alike += alone.alike;
      rest.refused.push(...alone.refused);
      rest.otherwise.push(...alone.otherwise);
    }
    return rest;
  }
  const readings = readingsByFolder(applied.reading);
  const tree = Map.groupBy(await git.diffTree(base.tree, applied.tree), ({ path }) => path.slice(0, 5));
  const outcome: Outcome = { alike: 0, refused: [], otherwise: [] };
  for (const own of batch) {
    const read = readings.get(own.folder) ?? { numstat: [], summary: [] };
    const verdict = judgeViews(own.patch, { ours: own.changes, read, tree: tree.get(own.folder) ?? [] });
    if (verdict.verdict === "pass") outcome.alike += 1;
    else if (batch.length === 1) outcome.otherwise.push(`${verdict.details.join(" ")}\n${own.text}`);
    else {
      const alone = await askGit(git, base, [own]);
      outcome.alike += alone.alike;
      outcome.refused.push(...alone.refused);
      outcome.otherwise.push(...alone.otherwise);
    }
  }
  return outcome;
}

/** Runs `cases` cases from `seed` in the repository `root`; gives at most `sample` of what we refuse to git alone. */
export async function fuzzPatches(
  root: string,
  options: { seed: string; cases: number; sample: number; told?: (done: number) => void },
): Promise<FuzzResult> {
  const { seed, cases, sample } = options;
  const sha = await makeBase(root);
  await using git = await openWallGit(root);
  const found = await git.base(sha);
  if (found === undefined) throw new Error("the base that was just made is not there");
  const base = { ...found, sha };
  const entries = new Map(base.entries.map((entry) => [entry.path, entry]));
  const objects = await git.objects([...new Set(base.entries.map(({ id }) => id))]);
  const own = { tree: base.tree, entries, contents: new Map([...objects].map(([id, { bytes }]) => [id, bytes])) };
  const result = {
    cases,
    accepted: 0,
    alike: 0,
    gitRefuses: 0,
    otherwise: [] as string[],
    refused: {} as Record<string, number>,
    sampled: 0,
    strict: {} as Record<string, number>,
  };
  const every = Math.max(1, Math.floor(cases / Math.max(1, sample)));
  for (let done = 0; done < cases; done += BATCH) {
    const batch: Own[] = [];
    for (let index = done; index < Math.min(cases, done + BATCH); index += 1) {
      const folder = folderAt(index - done);
      const text = caseOf(`${seed}/${index}`, folder);
      const read = ownReading(text, folder, own);
      if (typeof read !== "string") {
        batch.push(read);
        continue;
      }
      const reason = read.split(":")[0] ?? "";
      result.refused[reason] = (result.refused[reason] ?? 0) + 1;
      if (index % every !== 0 || result.sampled >= sample || text === "") continue;
      result.sampled += 1;
      if ((await git.apply(sha, Buffer.from(text))).ok) result.strict[read] = (result.strict[read] ?? 0) + 1;
    }
    const outcome = await askGit(git, base, batch);
    result.accepted += batch.length;
    result.alike += outcome.alike;
    result.gitRefuses += outcome.refused.length;
    result.otherwise.push(...outcome.otherwise);
    await git.clear();
    options.told?.(Math.min(cases, done + BATCH));
  }
  return result;
}
