import { expect, test } from "@jest/globals";
import { SessionRecord } from "../../../src/model/proposal.ts";
import { claudeForTests, DUMMY_KEY } from "../../support/claude.ts";
import { leftovers, NOTHING } from "../../support/leftovers.ts";
import { type Said, type ScriptedTurn, startMessagesApi, toolResults } from "../../support/messages-api.ts";
import { sampleProject } from "../../support/sample-project.ts";
import { whetstone } from "../../support/whetstone.ts";

const cli = await claudeForTests();

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const turn = (name: string, input: Readonly<Record<string, unknown>>): ScriptedTurn => ({ say: [call(name, input)] });

const PROPOSAL = {
  title: "Compute once",
  hypothesis: { metric: "p50_ms", operation: "work", direction: "decrease", expectedChange: -0.9 },
  rationale: "The sum was computed again and again.",
  findings: ["slow_operation"],
};

(cli === undefined ? test.skip : test)(
  "a refinement that a person permitted goes through the whole loop and is promoted; its permission is used up",
  async () => {
    const project = await sampleProject();
    try {
      await using api = await startMessagesApi({
        key: DUMMY_KEY,
        script: [
          turn("mcp__whetstone__list_services", {}),
          turn("Edit", { file_path: "src/work.mjs", old_string: "REPEAT = 400", new_string: "REPEAT = 1 1" }),
          turn("mcp__checks__run_checks", {}),
          turn("Edit", { file_path: "src/work.mjs", old_string: "REPEAT = 1 1", new_string: "REPEAT = 1" }),
          turn("mcp__checks__run_checks", {}),
          turn("StructuredOutput", { summary: "Computes once.", proposal: PROPOSAL }),
        ],
      });
      const cache = process.env["WHETSTONE_CACHE"];
      const named = cli === undefined || cli.source === "pinned" ? {} : { WHETSTONE_CLAUDE: cli.path };
      const env = {
        ANTHROPIC_API_KEY: DUMMY_KEY,
        ANTHROPIC_BASE_URL: api.url,
        ...named,
        ...(cache !== undefined && { WHETSTONE_CACHE: cache }),
      };
      const ask = (...args: string[]) => whetstone([...args, "--json"], { cwd: project.root, env });
      const request = JSON.parse((await ask("authorize", "request", "session.refine")).out) as { id: string };
      const { token } = JSON.parse((await ask("authorize", "grant", request.id)).out) as { token: string };
      const live = ["loop", "--local", "--session", "claude", "--mode", "refinement", "--authorization", token];

      const ended = await ask(...live);
      expect({ code: ended.code, err: ended.code === 0 ? "" : ended.err }).toEqual({ code: 0, err: "" });
      const report = JSON.parse(ended.out) as { verdict: string; branch: string };
      expect(report.verdict).toBe("promoted");
      expect(project.git("show", `${report.branch}:src/work.mjs`)).toContain("const REPEAT = 1;\n");
      expect(project.git("diff", "--name-only", "main", report.branch)).toBe("src/work.mjs");
      const last = api.requests.at(-1);
      const checks = (last === undefined ? [] : toolResults(last)).filter(({ name }) => name.endsWith("run_checks"));
      expect(checks.map(({ text }) => (JSON.parse(text) as { passed: boolean }).passed)).toEqual([false, true]);
      expect(api.faults).toEqual([]);
      const kept = project.git("ls-tree", "-r", "--name-only", "whetstone/state", "sessions/").split("\n");
      const record = SessionRecord.parse(JSON.parse(project.git("show", `whetstone/state:${kept.at(-1) ?? ""}`)));
      expect(record).toMatchObject({ mode: "refinement", answer: PROPOSAL });
      expect(await leftovers(project)).toEqual({ ...NOTHING, branches: [report.branch] });

      const again = await ask(...live);
      expect(again.code).toBe(1);
      expect(again.err).toContain("authorization_used");
      expect(api.left()).toBe(0);
      expect(api.requests).toHaveLength(6);
    } finally {
      await project.remove();
    }
  },
  240_000,
);
