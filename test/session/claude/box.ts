import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { runTool, type ToolEnd } from "../../../src/session/claude/run-tool.ts";
import { sandboxed, sandboxFault, type SandboxPlaces } from "../../../src/session/claude/sandbox.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

/** A folder with the places that a sandbox needs, and a `work` folder with `work/src` for the test. */
export async function openTestBox() {
  const folder = await temporaryFolder();
  const root = await realpath(folder.path);
  const paths = {
    box: join(root, "box"),
    upper: join(root, "upper"),
    work: join(root, "over"),
    cwd: join(root, "cwd"),
  };
  for (const path of [...Object.values(paths), join(paths.cwd, "src")]) await mkdir(path);
  const base = { root: paths.box, cwd: paths.cwd, network: "host" } as const;
  return {
    ...paths,
    root,
    /** Runs shell commands confined. */
    sh: (text: string, places: Partial<SandboxPlaces> & Pick<SandboxPlaces, "places">): Promise<ToolEnd> => {
      const wrapped = sandboxed({ program: "/bin/sh", args: ["-c", text] }, { ...base, ...places });
      return runTool({ ...wrapped, cwd: "/", env: { PATH: "/usr/bin:/bin", SECRET: "no" }, timeoutMs: 60_000 });
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Whether this machine can confine programs; a line on standard error says so when it cannot. */
export async function canConfine(): Promise<boolean> {
  await using box = await openTestBox();
  const fault = await sandboxFault({ root: box.box, upper: box.upper, work: box.work });
  if (fault !== undefined) process.stderr.write(`Tests of confined sessions NOT RUN: ${fault}\n`);
  return fault === undefined;
}
