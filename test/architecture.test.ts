import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "@jest/globals";

/** Rooms and what each may import from (values, not types). `ARCHITECTURE.md` says the same in words. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  stats: ["model"],
  yaml: ["model"],
  config: ["model", "yaml"],
  store: ["model", "stats"],
  analyze: ["model", "stats"],
  specs: ["model", "stats", "yaml", "analyze"],
  canary: ["model", "stats"],
  learn: ["model", "stats"],
  github: ["model"],
  protect: ["model"],
  capture: ["model", "protect"],
  backends: ["model", "capture"],
  instrument: ["model", "capture", "protect"],
  session: ["model", "yaml", "learn", "protect"],
  detect: ["model", "protect"],
  validate: ["model", "protect"],
  propose: ["model", "protect"],
  loop: [
    "model",
    "stats",
    "config",
    "store",
    "analyze",
    "canary",
    "learn",
    "github",
    "protect",
    "capture",
    "session",
    "detect",
    "validate",
    "propose",
    "flow.ts",
    "wire.ts",
  ],
  mcp: ["model", "stats", "store", "analyze", "specs", "protect", "capture"],
  dashboard: ["model", "store", "protect", "capture"],
  app: ["model", "stats", "config", "store", "analyze", "canary", "learn", "github", "protect", "capture", "propose"],
  cli: [
    "model",
    "stats",
    "config",
    "store",
    "analyze",
    "specs",
    "canary",
    "learn",
    "github",
    "protect",
    "capture",
    "backends",
    "session",
    "propose",
    "loop",
    "mcp",
    "dashboard",
    "app",
    "flow.ts",
    "wire.ts",
    "wire-app.ts",
  ],
  actions: ["model", "config", "protect", "propose", "loop", "wire.ts"],
};
const PURE = ["model", "stats", "yaml", "analyze", "specs", "canary", "learn"];

type Import = { readonly from: string; readonly to: string; readonly typeOnly: boolean };

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const statements = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"/gm)];
  const dynamic = [...text.matchAll(/\bimport\("([^"]+)"\)/g)].map((match) => ({
    from: file,
    to: match[1] ?? "",
    typeOnly: false,
  }));
  return [
    ...statements.map((match) => ({ from: file, to: match[2] ?? "", typeOnly: match[1] !== undefined })),
    ...dynamic,
  ];
}

/** The first part of a path below src: a room, or a file at its root. */
function roomOf(file: string): string {
  return relative("src", file).split("/")[0] ?? "";
}

const files = sources("src");
const internal = files.flatMap(importsOf).filter(({ to }) => to.startsWith("."));

describe("rooms", () => {
  test("every folder of src is a room that ARCHITECTURE.md names, and the other way round", () => {
    const folders = readdirSync("src")
      .filter((name) => statSync(join("src", name)).isDirectory())
      .sort();
    expect(folders).toEqual(Object.keys(ROOMS).sort());
    const page = readFileSync("ARCHITECTURE.md", "utf8");
    const named = [...page.matchAll(/^\| `(\w+)\/`/gm)].map((match) => match[1] ?? "").sort();
    expect(named).toEqual(folders);
  });

  test("ARCHITECTURE.md states the imports that are allowed", () => {
    const page = readFileSync("ARCHITECTURE.md", "utf8");
    for (const [room, allowed] of Object.entries(ROOMS)) {
      const row = page.split("\n").find((line) => line.startsWith(`| \`${room}/\``)) ?? "";
      const stated = row.split("|").at(-2)?.trim();
      expect({ room, stated }).toEqual({ room, stated: allowed.length === 0 ? "nothing" : allowed.join(", ") });
    }
  });

  test("values are imported only from allowed rooms", () => {
    const broken = internal
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ from, to }) => ({ from, to: normalize(join(dirname(from), to)) }))
      .filter(({ from, to }) => {
        const room = roomOf(from);
        const target = roomOf(to);
        return room in ROOMS && room !== target && !(ROOMS[room] ?? []).includes(target);
      });
    expect(broken).toEqual([]);
  });

  test("no import leads nowhere, and every one names its file ending", () => {
    for (const { from, to } of internal)
      expect({ from, to, exists: statSync(join(dirname(from), to)).isFile() }).toMatchObject({ exists: true });
  });
});

describe("the protection layer", () => {
  /** Where a value is imported, or reached through a dynamic import of its file. */
  const importersOf = (name: string): string[] =>
    files.filter((file) =>
      new RegExp(`^import (?!type)[^;]*\\b${name}\\b[^;]*? from`, "m").test(readFileSync(file, "utf8")),
    );
  const outside = (name: string, rooms: readonly string[]): string[] =>
    importersOf(name).filter((file) => !rooms.includes(roomOf(file)));

  test("the one client of GitHub is the one that refuses to approve and to merge", () => {
    const clients = files.filter((file) => /^import (?!type).*"@octokit\//m.test(readFileSync(file, "utf8")));
    expect(clients).toEqual(["src/github/client.ts"]);
    expect(readFileSync("src/github/client.ts", "utf8").match(/assertNotForbidden\(\{/g)).toHaveLength(3);
  });

  test.each([
    "openGitState",
    "openRestState",
    "openLocalForge",
    "openRestForge",
    "openRestHost",
    "restCommits",
    "addWorktree",
    "removeWorktree",
  ])("%s, which writes, is built where adapters are wired, and handed out behind the guard", (name) => {
    const wiring = ["src/wire.ts", "src/wire-app.ts"];
    const users = outside(name, ["github"]);
    expect(users).toContain("src/wire.ts");
    expect(users.filter((file) => !wiring.includes(file))).toEqual([]);
  });

  test.each([
    "openMemoryState",
    "openMemoryForge",
    "moveBranch",
    "storeObjects",
    "writeCommit",
    "writeRestCommit",
    "moveRestBranch",
  ])("%s, which writes, is reached by nobody outside its room", (name) => {
    expect(outside(name, ["github"])).toEqual([]);
  });

  test("of the files that hold writing adapters others take only what reads or works in a scratch copy", () => {
    const writers = /(?:git-state|rest-state|rest-objects|object-writer|local|memory|memory-state|worktree)\.ts$/;
    const harmless = /^(?:type .*|openGitStateReader|applyPatch|changedPaths)$/;
    const taken = files
      .filter((file) => !["github", "wire.ts", "wire-app.ts"].includes(roomOf(file)))
      .flatMap((file) => [
        ...readFileSync(file, "utf8").matchAll(/^import (?!type)([^;]*?) from "[^"]*github\/([^"]+)"/gm),
      ])
      .filter(([, , file = ""]) => writers.test(file))
      .flatMap(([, names = ""]) =>
        names
          .replaceAll(/[{}\n]/g, " ")
          .split(",")
          .map((name) => name.trim()),
      );
    expect(taken).toContain("openGitStateReader");
    expect(taken.filter((name) => name !== "" && !harmless.test(name))).toEqual([]);
    const lazy = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/import\("[^"]*github\/[^"]+"\)/g)]);
    expect(lazy).toEqual([]);
  });

  test("git is run outside of its room for reading alone", () => {
    const users = importersOf("(?:runGit|gitText|gitRecords|startGit)").filter((file) => roomOf(file) !== "github");
    const words = users.flatMap((file) => [
      ...readFileSync(file, "utf8").matchAll(/\bargs(?:: readonly string\[\])?(?: =|:) \[\s*"([^"]+)"/g),
    ]);
    expect(users.length).toBeGreaterThan(1);
    expect(words.length).toBeGreaterThanOrEqual(users.length);
    const reading = [
      "--version",
      "cat-file",
      "diff",
      "for-each-ref",
      "log",
      "ls-files",
      "ls-tree",
      "rev-parse",
      "show",
      "status",
    ];
    expect(words.map(([, word = ""]) => word).filter((word) => !reading.includes(word))).toEqual([]);
    expect(importersOf("startGit").filter((file) => roomOf(file) !== "github")).toEqual([]);
  });

  test("what wire.ts hands out is guarded", () => {
    const wire = readFileSync("src/wire.ts", "utf8");
    for (const port of ["forge: guardForge(", "state: guardState(", "worktrees: guardWorktrees("])
      expect(wire).toContain(port);
  });

  test("permits are issued by the guard alone", () => {
    expect(importersOf("issuePermit")).toEqual(["src/protect/guard.ts"]);
  });
});

describe("sessions of a model", () => {
  /** Files that import a value from a file, also when they load it on use. */
  const importersOfFile = (path: string): string[] => {
    const uses = internal.filter(({ from, to, typeOnly }) => !typeOnly && normalize(join(dirname(from), to)) === path);
    return [...new Set(uses.map(({ from }) => from))].sort();
  };

  // Each link of the way from a person to a model has these users and no others: nothing starts a session by itself.
  test.each([
    ["src/session/claude/runner.ts", ["src/loop/claude.ts"]],
    ["src/session/claude/process.ts", ["src/session/claude/runner.ts"]],
    [
      "src/loop/claude.ts",
      ["src/loop/execute-wording.ts", "src/loop/execute.ts", "src/loop/relay-session.ts", "src/loop/run-session.ts"],
    ],
    ["src/loop/execute-wording.ts", ["src/cli/run/learn.ts"]],
    ["src/cli/run/learn.ts", ["src/cli/commands/learn.ts"]],
    ["src/loop/run-session.ts", ["src/cli/run/session-start.ts"]],
    ["src/cli/run/session-start.ts", ["src/cli/commands/session.ts"]],
    ["src/cli/run/loop.ts", ["src/cli/commands/loop.ts"]],
    ["src/cli/commands/session.ts", ["src/cli/main.ts"]],
    ["src/cli/commands/loop.ts", ["src/cli/main.ts"]],
  ])("%s is reached from %j alone", (file, users) => {
    expect(importersOfFile(file)).toEqual(users);
  });

  test("a run of the loop is started by the command line and by the actions alone", () => {
    const starting = files.filter((file) =>
      /^import (?!type)[^;]*\bexecuteLoop\b[^;]* from/m.test(readFileSync(file, "utf8")),
    );
    expect(starting.sort()).toEqual(["src/actions/entry.ts", "src/cli/run/loop.ts"]);
    // What listens, watches or wakes by itself reaches no stage of the loop.
    for (const room of ["app", "dashboard", "mcp", "capture", "instrument"]) expect(ROOMS[room]).not.toContain("loop");
  });
});

describe("pure rooms", () => {
  const pure = files.filter((file) => PURE.includes(roomOf(file)));

  test("import nothing but each other, zod and yaml, which are pure", () => {
    const outside = pure.flatMap(importsOf).filter(({ to }) => !to.startsWith(".") && !["zod", "yaml"].includes(to));
    expect(outside).toEqual([]);
  });

  test("touch no clock, chance, process or console", () => {
    // A quoted `process.pid` is the name of an attribute.
    const impure =
      /\bDate\.now\(|new Date\(\)|Math\.random\(|(?<!")\bprocess\.|\bconsole\.|\bsetTimeout\(|\bperformance\./;
    expect(pure.filter((file) => impure.test(readFileSync(file, "utf8")))).toEqual([]);
  });
});

describe("sizes", () => {
  const lines = files.map((file) => readFileSync(file, "utf8").split("\n").length - 1).sort((a, b) => a - b);

  test("no file is longer than 300 lines, the median at most 110", () => {
    expect(lines.at(-1)).toBeLessThanOrEqual(300);
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(110);
  });

  test("there is at least as much test code as source", () => {
    const count = (list: readonly string[]): number =>
      list.reduce((sum, file) => sum + readFileSync(file, "utf8").split("\n").length, 0);
    expect(count(sources("test"))).toBeGreaterThanOrEqual(count(files));
  });
});

// git-process.ts: git itself needs PATH and HOME, and must not inherit GIT_DIR; it is the one place that starts it.
test("the environment is read at the entries and where git is started", () => {
  const readers = files.filter((file) => /process\.env/.test(readFileSync(file, "utf8"))).sort();
  expect(readers).toEqual([
    "src/actions/surroundings.ts",
    "src/cli/io.ts",
    "src/github/git-process.ts",
    "src/instrument/index.ts",
  ]);
});

test("no folder is a drawer for everything", () => {
  const names = files.flatMap((file) => file.split("/"));
  expect(names.filter((name) => /^(utils?|helpers?|common|misc)(\.ts)?$/.test(name))).toEqual([]);
});
