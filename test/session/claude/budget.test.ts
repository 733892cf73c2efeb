import { describe, expect, test } from "@jest/globals";
import { claudeForTests } from "../../support/claude.ts";
import type { MessagesRequest, Said, ScriptedTurn } from "../../support/messages-api.ts";
import { ANSWER, run } from "./running.ts";

const cli = await claudeForTests();

const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });
const looking = (tokens: number): ScriptedTurn => ({
  say: [call("Glob", { pattern: "**/*.js" })],
  usage: { input_tokens: tokens, output_tokens: 10 },
});
const limits = { maxTurns: 9, maxBudgetUsd: 1, maxTokens: 1_000, timeoutMs: 60_000 };
const wasTold = ({ body }: MessagesRequest): boolean => JSON.stringify(body.messages).includes("Come to an end now");

(cli === undefined ? describe.skip : describe)("a budget on the real Claude Code", () => {
  test("at four fifths the session is told to come to an end, and can still answer", async () => {
    const finish: ScriptedTurn = {
      say: [call("StructuredOutput", ANSWER)],
      usage: { input_tokens: 50, output_tokens: 10 },
    };
    const { record, error, api } = await run({ cli, script: [looking(700), looking(90), finish], options: { limits } });
    expect(error).toBeUndefined();
    expect(record).toMatchObject({ partial: false, usage: { inputTokens: 840, outputTokens: 30 } });
    expect(api.requests.map(wasTold)).toEqual([false, false, true]);
    expect(api.faults).toEqual([]);
  }, 180_000);

  test("beyond it nothing is passed on: a partial record with what was used", async () => {
    const { record, error, api } = await run({ cli, script: [looking(1_100)], options: { limits } });
    expect(error).toBeUndefined();
    expect(record).toMatchObject({ partial: true, usage: { inputTokens: 1_100, outputTokens: 10 } });
    expect(record?.run?.stop).toBe("max_budget");
    expect(api.requests).toHaveLength(1);
  }, 180_000);

  test("a session that fails says what it had cost by then", async () => {
    const script: ScriptedTurn[] = [looking(400), { status: 403 }];
    const { error } = await run({ cli, script, options: { limits } });
    expect(error).toMatchObject({ code: "session_failed", data: { spent: { tokens: 410 } } });
  }, 180_000);
});
