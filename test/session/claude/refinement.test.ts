import { describe, expect, test } from "@jest/globals";
import { SessionRecord } from "../../../src/model/proposal.ts";
import { traceId } from "../../store/spans.ts";
import { claudeForTests } from "../../support/claude.ts";
import { type Said, type ScriptedTurn, toolResults } from "../../support/messages-api.ts";
import { prepare, PROPOSAL, refine } from "./refining.ts";

const cli = await claudeForTests();

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const turn = (name: string, input: Readonly<Record<string, unknown>>): ScriptedTurn => ({ say: [call(name, input)] });
const answering = turn("StructuredOutput", { summary: "Done.", proposal: PROPOSAL });

(cli === undefined ? describe.skip : describe)("a refinement on the real Claude Code", () => {
  test("reads evidence, edits, runs the checks and proposes what it changed", async () => {
    const checks = [
      {
        name: "works",
        run: "node --input-type=module -e 'import(\"./src/notes.js\").then((m) => process.exit(m.notes === 2 ? 0 : 7))'",
        timeoutSeconds: 60,
      },
      { name: "litters", run: "echo x > litter; echo x > src/litter; touch .git/x || true", timeoutSeconds: 60 },
    ];
    await using prepared = await prepare({ checks });
    const script = [
      turn("mcp__whetstone__get_trace_by_id", { trace_id: traceId(1) }),
      turn("mcp__checks__run_checks", {}),
      turn("Edit", { file_path: "src/notes.js", old_string: "1", new_string: "2" }),
      turn("Write", { file_path: "src/deep/er.js", content: "export {};\n" }),
      turn("mcp__checks__run_checks", {}),
      answering,
    ];
    const refined = await refine(prepared, cli, { script });
    expect(refined.error).toBeUndefined();
    const last = refined.api.requests.at(-1);
    const results = last === undefined ? [] : toolResults(last);
    expect(results.map(({ name, isError }) => [name, isError])).toEqual([
      ["mcp__whetstone__get_trace_by_id", false],
      ["mcp__checks__run_checks", false],
      ["Edit", false],
      ["Write", false],
      ["mcp__checks__run_checks", false],
    ]);
    expect(JSON.parse(results[1]?.text ?? "")).toMatchObject({
      passed: false,
      checks: [{ name: "works", exitCode: 7 }],
    });
    expect(JSON.parse(results[4]?.text ?? "")).toMatchObject({ passed: true, checks: [{}, { name: "litters" }] });
    const record = SessionRecord.parse(refined.record);
    expect(record).toMatchObject({ mode: "refinement", partial: false, summary: "Done.", answer: PROPOSAL });
    expect(record.run?.confinement).toBe("namespaces");
    expect(record.answer?.patch).toContain("-export const notes = 1;\n+export const notes = 2;\n");
    expect(record.answer?.patch).toContain("+++ b/src/deep/er.js");
    expect(record.answer?.patch).not.toContain("litter");
    expect(refined.left).toEqual({ files: [], pids: [] });
    expect(refined.api.faults).toEqual([]);
  });
});
