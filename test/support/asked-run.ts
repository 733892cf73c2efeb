import type { AskedRun } from "../../src/model/asked-run.ts";

/** What ada asked the App for, in the first comment of conversation 1, not started yet. */
export function askedRun(change: Partial<AskedRun> = {}): AskedRun {
  return {
    schema: "whetstone.asked-run/1",
    comment: 1,
    conversation: 1,
    word: "analyze",
    target: "notes",
    by: { type: "person", id: "ada" },
    app: "whetstone[bot]",
    at: "2026-11-20T10:00:00.000Z",
    workflow: "whetstone.yml",
    inputs: {},
    permission: null,
    run: null,
    loop: null,
    ...change,
  };
}
