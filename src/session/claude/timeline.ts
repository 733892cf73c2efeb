import { z } from "zod";
import type { SessionEvent, SessionRun } from "../../model/session.ts";

/** What a timeline is made with. */
export type TimelineOptions = {
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
  readonly monotonicMs: () => number;
};

/** What happened in a session so far. */
export type Timeline = {
  /** Takes one line of Claude Code's output; what is no event that counts here is passed over. */
  readonly see: (line: string) => void;
  /** How often the newest call was made in a row, with the same input. */
  readonly repeats: () => number;
  /** The last text of the model; empty when it said nothing. */
  readonly lastSaid: () => string;
  readonly record: () => Pick<SessionRun, "events" | "eventsOmitted" | "denials">;
};

/** Events that a record keeps: the first ones and the newest ones. */
const FIRST_EVENTS = 50;
const MOST_EVENTS = 200;
/** Longest text or input of an event, characters. */
const LONGEST_TEXT = 500;
const LONGEST_NAME = 100;

const Blocks = z.object({
  message: z.object({ content: z.array(z.looseObject({ type: z.string() })) }),
  tool_result_meta: z
    .array(z.object({ id: z.string(), permission_decision: z.object({ decision: z.string() }).nullish() }))
    .optional()
    .catch(undefined),
});
type Blocks = z.infer<typeof Blocks>;
const Said = z.object({ type: z.literal("text"), text: z.string() });
const Called = z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: z.unknown() });
const Answered = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.unknown(),
  is_error: z.boolean().optional(),
});
const Typed = z.looseObject({ type: z.string(), subtype: z.string().optional() });
const Init = z.object({ tools: z.array(z.string()) });
const Retried = z.object({ error_status: z.number().int().nullable() });

type CalledEvent = Extract<SessionEvent, { kind: "called" }>;
type Result = NonNullable<CalledEvent["result"]>;
/** A call under construction: its result comes later. */
type OpenCall = { -readonly [Key in keyof CalledEvent]: CalledEvent[Key] };

type State = {
  readonly options: TimelineOptions;
  readonly startMs: number;
  readonly events: SessionEvent[];
  readonly open: Map<string, OpenCall>;
  readonly denials: Map<string, number>;
  tools: readonly string[] | undefined;
  omitted: number;
  last: { readonly call: string; readonly times: number };
  lastSaid: string;
};

/** Keeps what a session does, from the lines of its output: texts, calls with their results, retries. */
export function openTimeline(options: TimelineOptions): Timeline {
  const state: State = {
    options,
    startMs: options.monotonicMs(),
    events: [],
    open: new Map(),
    denials: new Map(),
    tools: undefined,
    omitted: 0,
    last: { call: "", times: 0 },
    lastSaid: "",
  };
  return {
    see: (line) => see(state, line),
    repeats: () => state.last.times,
    lastSaid: () => state.lastSaid,
    record: () => ({
      events: [...state.events],
      eventsOmitted: state.omitted,
      denials: [...state.denials].map(([tool, count]) => ({ tool, count })),
    }),
  };
}

function see(state: State, line: string): void {
  const value = parse(line);
  const typed = Typed.safeParse(value);
  if (!typed.success) return;
  const { type, subtype } = typed.data;
  if (type === "system" && subtype === "init") state.tools ??= Init.safeParse(value).data?.tools;
  if (type === "system" && subtype === "api_retry") {
    const retried = Retried.safeParse(value);
    if (retried.success) add(state, { kind: "retried", atMs: since(state), status: retried.data.error_status });
  }
  if (type !== "assistant" && type !== "user") return;
  const blocks = Blocks.safeParse(value);
  if (!blocks.success) return;
  for (const block of blocks.data.message.content) {
    if (type === "assistant") spoken(state, block);
    else answered(state, block, blocks.data);
  }
}

function spoken(state: State, block: unknown): void {
  const said = Said.safeParse(block);
  if (said.success && said.data.text.trim() !== "") {
    state.lastSaid = clean(state, said.data.text, 4 * LONGEST_TEXT);
    add(state, { kind: "said", atMs: since(state), text: clean(state, said.data.text, LONGEST_TEXT) });
  }
  const called = Called.safeParse(block);
  if (!called.success) return;
  const { id, name, input } = called.data;
  const text = JSON.stringify(input) ?? "";
  const call = `${name} ${text}`;
  state.last = { call, times: state.last.call === call ? state.last.times + 1 : 1 };
  const event: OpenCall = {
    kind: "called",
    atMs: since(state),
    tool: name.slice(0, LONGEST_NAME),
    input: clean(state, text, LONGEST_TEXT),
  };
  state.open.set(id, event);
  add(state, event);
}

function answered(state: State, block: unknown, { tool_result_meta: meta }: Blocks): void {
  const parsed = Answered.safeParse(block);
  if (!parsed.success) return;
  const { tool_use_id: id, content, is_error: failed } = parsed.data;
  const call = state.open.get(id);
  if (call === undefined) return;
  state.open.delete(id);
  const decision = meta?.find((one) => one.id === id)?.permission_decision?.decision;
  const unknown = state.tools !== undefined && !state.tools.includes(call.tool);
  const refused = failed === true && (decision === "reject" || unknown);
  const status: Result["status"] = refused ? "refused" : failed === true ? "error" : "ok";
  if (refused) state.denials.set(call.tool, (state.denials.get(call.tool) ?? 0) + 1);
  call.result = { durationMs: Math.max(0, since(state) - call.atMs), status, length: lengthOf(content) };
}

/** Characters of a result: a text, or blocks with texts. */
function lengthOf(content: unknown): number {
  if (typeof content === "string") return content.length;
  return content === undefined ? 0 : (JSON.stringify(content) ?? "").length;
}

function add(state: State, event: SessionEvent): void {
  state.events.push(event);
  if (state.events.length <= MOST_EVENTS) return;
  state.events.splice(FIRST_EVENTS, 1);
  state.omitted += 1;
}

/** Redacted before it is cut: half a secret is told by its form no more. */
function clean({ options }: State, text: string, most: number): string {
  const whole = options.redact(text.slice(0, 64 * 1024));
  return whole.length <= most && text.length <= 64 * 1024
    ? whole
    : `${whole.slice(0, most)} [cut: ${text.length} characters]`;
}

function since({ options, startMs }: State): number {
  return Math.max(0, options.monotonicMs() - startMs);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined; // a line of plain text is no event
  }
}
