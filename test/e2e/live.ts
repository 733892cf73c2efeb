import type { z } from "zod";
import { BudgetDay } from "../../src/model/budget.ts";
import { Authorization } from "../../src/model/authorization.ts";
import { SessionRecord } from "../../src/model/proposal.ts";
import { DUMMY_KEY } from "../support/claude.ts";
import type { ScriptedTurn } from "../support/messages-api.ts";
import { type Expectation, type OnGitHub, type Standing, statuses, textOf } from "./standing.ts";

const turn = (name: string, input: Readonly<Record<string, unknown>>): ScriptedTurn => ({
  say: [{ type: "tool_use", name, input }],
});

/** Another change than that of the recordings: it repeats twice. */
export const BETTER_SESSION: readonly ScriptedTurn[] = [
  turn("mcp__whetstone__list_services", {}),
  turn("Edit", { file_path: "src/work.mjs", old_string: "REPEAT = 400", new_string: "REPEAT = 2" }),
  turn("mcp__checks__run_checks", {}),
  turn("StructuredOutput", {
    summary: "Repeats twice.",
    proposal: {
      title: "Repeat less",
      hypothesis: { metric: "p50_ms", operation: "work", direction: "decrease", expectedChange: -0.9 },
      rationale: "The sum was computed again and again.",
      findings: ["slow_operation"],
    },
  }),
];

/** A live session, and a run that shows the same permission again. */
export type LiveStories = {
  readonly before: Standing;
  readonly live: Standing;
  readonly spent: Standing;
  readonly faults: readonly string[];
  /** Turns of the script that nobody asked for. */
  readonly left: number;
  readonly token: string;
};

/** What these stories should leave behind. */
export function liveExpectations({ before, live, spent, faults, left, token }: LiveStories): Expectation[] {
  const is = (what: string, holds: boolean): Expectation => ({ what, holds });
  const records = all(live, "sessions/", SessionRecord).filter(({ model }) => model.startsWith("claude"));
  const days = all(live, "budgets/", BudgetDay);
  const [reservation, ...others] = days.flatMap(({ reservations }) => reservations);
  const [authorization] = all(live, "authorizations/", Authorization);
  const telemetry = records[0]?.run?.events.find(
    (event) => event.kind === "called" && /list_services/.test(event.tool),
  );
  const said = [live.log, spent.log].join("\n");
  return [
    is("a live session is green", live.code === 0),
    is("it leaves one more pull request", live.pulls.length === before.pulls.length + 1),
    is("whose outcome is recorded as proposed", proposed(live) === proposed(before) + 1),
    is("its session is on record, by the model that answered", records.length === 1),
    is("it read the telemetry that another job measured", JSON.stringify(telemetry ?? "").includes('"status":"ok"')),
    is("its permission is used up by who dispatched it", authorization?.use?.by.id === "ada"),
    is("what was set aside is settled at what was measured", reservation?.settled?.basis === "measured"),
    is("which is less than was allowed", (reservation?.settled?.spent.usd ?? 9) < 1.5 && others.length === 0),
    is("the whole script was asked for, with the right key", faults.length === 0 && left === 0),
    is("the same permission starts no second session", spent.code !== 0 && /authorization_used/.test(spent.log)),
    is("and leaves nothing but its refusal", spent.pulls.length === live.pulls.length && !unsettled(spent)),
    is("no log shows the key or the token", !said.includes(DUMMY_KEY) && !said.includes(token)),
  ];
}

const proposed = (on: OnGitHub): number => statuses(on).filter((status) => status === "proposed").length;

function unsettled(on: OnGitHub): boolean {
  return all(on, "budgets/", BudgetDay).some(({ reservations }) => reservations.some((one) => !one.settled));
}

function all<Schema extends z.ZodType>({ state }: OnGitHub, folder: string, schema: Schema): z.output<Schema>[] {
  const files = Object.entries(state).filter(([path]) => path.startsWith(folder));
  return files.map(([, file]) => schema.parse(JSON.parse(textOf(file))));
}
