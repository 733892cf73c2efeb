import { execFile } from "node:child_process";
import { expect, test } from "@jest/globals";
import { claudeForTests } from "../../support/claude.ts";

const cli = await claudeForTests();

(cli === undefined ? test.skip : test)(
  "npm run demo:claude shows the finished record of a session on the real Claude Code",
  async () => {
    const { code, out, err } = await new Promise<{ code: number | null; out: string; err: string }>((done) => {
      const child = execFile(process.execPath, ["scripts/demo-claude.ts"], { timeout: 170_000 }, (_error, out, err) =>
        done({ code: child.exitCode, out, err }),
      );
    });
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    for (const part of ["mode      analysis", "target    notes at ", "ended     answered", "1. n_plus_one: "]) {
      expect(out).toContain(part);
    }
    expect(out).toMatch(/trace +[0-9a-f]{32}: \d+ spans/);
    expect(err.split("\n").filter((line) => line.startsWith("called "))).toHaveLength(4);
    expect(err).not.toContain("refused ");
  },
  180_000,
);
