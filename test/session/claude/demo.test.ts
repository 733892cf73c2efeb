import { execFile } from "node:child_process";
import { expect, test } from "@jest/globals";
import { SessionRecord } from "../../../src/model/proposal.ts";
import { claudeForTests } from "../../support/claude.ts";

const cli = await claudeForTests();

(cli === undefined ? test.skip : test)(
  "npm run demo:claude shows the finished record of a session on the real Claude Code",
  async () => {
    const { code, out, err } = await new Promise<{ code: number | null; out: string; err: string }>((done) => {
      const child = execFile(process.execPath, ["scripts/demo-claude.ts"], { timeout: 80_000 }, (_error, out, err) =>
        done({ code: child.exitCode, out, err }),
      );
    });
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    expect(SessionRecord.parse(JSON.parse(out))).toMatchObject({ mode: "analysis", target: "notes", partial: false });
    expect(err.split("\n").filter((line) => line.startsWith("called "))).toHaveLength(4);
    expect(err).not.toContain("refused ");
  },
  90_000,
);
