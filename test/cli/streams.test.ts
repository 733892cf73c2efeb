import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Span } from "../../src/model/span.ts";
import { openStore } from "../../src/store/open.ts";
import { plainSpan } from "../capture/fixtures/spans.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject } from "../support/sample-project.ts";
import { onTerminal } from "../support/terminal.ts";

const run = promisify(execFile);
const BIN = resolve("bin/whetstone.js");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await using store = await openStore({ url: join(folder.path, ".whetstone/whetstone.db") });
  const spans = Array.from({ length: 1_000 }, (_, n): Span => ({
    ...plainSpan,
    traceId: (n + 1).toString(16).padStart(32, "0"),
    // One trace has a name that would clear the screen.
    name: n === 500 ? "\u001b[2Jcleared" : "tools/call search",
  }));
  await store.append(spans);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** Runs `whetstone` in a shell line; `whetstone` in the line stands for the command. Says how the parts of a pipe ended. */
async function shell(line: string): Promise<{ codes: readonly number[]; out: string; err: string }> {
  const script = `whetstone() { "$NODE" "$BIN" "$@"; }; ${line}; echo "\${PIPESTATUS[@]}" >&3`;
  const env = { PATH: process.env["PATH"], NODE: process.execPath, BIN, NO_COLOR: "1" };
  const codes = join(folder.path, "codes");
  const { stdout, stderr } = await run("bash", ["--norc", "-c", script.replace("&3", `"${codes}"`)], {
    cwd: folder.path,
    env,
  });
  return { codes: (await readFile(codes, "utf8")).trim().split(" ").map(Number), out: stdout, err: stderr };
}

describe("a reader that goes away", () => {
  test.each([
    ["whetstone --help", "Usage: whetstone"],
    ["whetstone traces search", "trace"],
    ["whetstone traces search --limit 1000", "trace"],
    ["whetstone traces search --limit 1000 --json", "{"],
    ["whetstone export --format ndjson", "{"],
  ])("%s | head -1 ends well and silently", async (command, start) => {
    const { codes, out, err } = await shell(`${command} | head -1`);
    expect(codes).toEqual([0, 0]);
    expect(out.split("\n")[0]).toContain(start);
    expect(err.replace(/^\d+ spans exported\.\n/, "")).toBe("");
  });

  test("that never read ends well too, with the command's own exit code", async () => {
    expect(await shell("whetstone traces search --limit 1000 | true")).toMatchObject({ codes: [0, 0], err: "" });
    const { codes } = await shell("whetstone traces show 00 2>&1 | true");
    expect(codes).toEqual([2, 0]);
  });

  test("of errors does not hide the exit code", async () => {
    const { codes } = await shell("whetstone traces search --limit none 2> >(true)");
    expect(codes).toEqual([2]);
  });
});

describe("a full disk", () => {
  test.each(["whetstone --help > /dev/full", "whetstone traces search > /dev/full"])(
    "%s fails and says so",
    async (line) => {
      const { codes, err } = await shell(line);
      expect(codes).toEqual([1]);
      expect(err).toMatch(/^error \(write_failed\): Standard output could not be written: ENOSPC.*\n$/);
    },
  );

  test("is said once where a long stream is cut off, without a stack", async () => {
    const { codes, err } = await shell("whetstone export --format ndjson > /dev/full");
    expect(codes).toEqual([1]);
    expect(err).toMatch(/^error \(write_failed\): Standard output could not be written: ENOSPC.*\n {2}Free some space/);
    expect(err.match(/error/g)).toHaveLength(1);
  });

  test("under standard error still shows in the exit code", async () => {
    const { codes } = await shell("whetstone export --format ndjson > /dev/null 2> /dev/full");
    expect(codes).toEqual([1]);
  });
});

describe("on a terminal", () => {
  test("what a server called itself shows, and clears nothing", async () => {
    const { code, shown } = await onTerminal(["traces", "search", "--limit", "1000"], { cwd: folder.path });
    expect(code).toBe(0);
    expect(shown).toContain("[U+001B][2Jcleared");
    expect(shown).not.toContain("\u001b[2J");
  });

  test("colours are shown, unless they are not wanted", async () => {
    const trace = ["traces", "show", "1".padStart(32, "0")];
    const coloured = await onTerminal(trace, { cwd: folder.path });
    expect(coloured.shown).toContain("\u001b[");
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      expect((await onTerminal(trace, { cwd: folder.path, env })).shown).not.toContain("\u001b[");
    }
  });

  test("colours do not go into a file, though errors still stand on the terminal", async () => {
    const outTo = join(folder.path, "shown.txt");
    const { code, shown } = await onTerminal(["traces", "show", "1".padStart(32, "0")], { cwd: folder.path, outTo });
    expect([code, shown]).toEqual([0, ""]);
    const text = await readFile(outTo, "utf8");
    expect(text).toContain("tools/call search");
    expect(text).not.toContain("\u001b");
  });

  test("Ctrl-C while the stages move releases everything and gives the cursor back", async () => {
    const project = await sampleProject();
    const session = await project.session(BETTER_WORK);
    // It never answers, so that the run is still at its server however late the key is pressed.
    const server = await readFile(join(project.root, "server.mjs"), "utf8");
    await project.write("server.mjs", server.replace("process.stdout.write", "void"));
    project.commit("dumb");
    let typed = false;
    const answer = (shown: string): string | undefined => {
      if (typed || !shown.includes("capture")) return undefined;
      typed = true;
      return "\u0003";
    };
    const args = ["loop", "--local", "--session", `replay:${session}`];
    const { code, shown } = await onTerminal(args, { cwd: project.root, answer });
    expect(code).toBe(1);
    expect(shown).toContain("error (interrupted): The run was interrupted; what it held was released.");
    expect(shown.lastIndexOf("\u001b[?25h")).toBeGreaterThan(shown.lastIndexOf("\u001b[?25l"));
    expect(await leftovers(project)).toEqual(NOTHING);
    await project.remove();
  }, 180_000);
});
