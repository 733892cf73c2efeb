import { z } from "zod";
import type { Amount } from "../../model/budget.ts";
import { costOf, type RequestUsage, tokensOf } from "./prices.ts";

const count = z.number().int().nonnegative().nullish();

const Usage = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cache_creation: z.object({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }).nullish(),
});
type Usage = z.infer<typeof Usage>;

const Message = z.object({ model: z.string(), usage: Usage });
const Start = z.object({ type: z.literal("message_start"), message: Message });
const Delta = z.object({ type: z.literal("message_delta"), usage: Usage });

/** Counts what the answers of a session's model cost. */
export type Meter = {
  /** Reads an answer as it passes: its bytes, then its end, whole or broken off. */
  readonly answer: (form: "stream" | "json") => { readonly see: (chunk: Uint8Array) => void; readonly end: () => void };
  readonly spent: () => Amount;
};

/** Longest line of a stream, and largest answer in one piece, that are read; characters. */
const LONGEST = 4 * 1024 * 1024;

/** A meter at zero. What it cannot read it counts as nothing: Claude Code's own count limits the session besides. */
export function openMeter(): Meter {
  let usd = 0;
  let tokens = 0;
  const add = (model: string, usage: Usage): void => {
    const request = requestUsage(usage);
    usd += costOf(model, request);
    tokens += tokensOf(request);
  };
  return {
    answer: (form) => (form === "stream" ? streamReader(add) : jsonReader(add)),
    spent: () => ({ usd, tokens }),
  };
}

type Add = (model: string, usage: Usage) => void;

/** Server-sent events: the first tells what went in, the last what came out in all. */
function streamReader(add: Add): ReturnType<Meter["answer"]> {
  const decoder = new TextDecoder();
  let rest = "";
  let open: { model: string; usage: Usage } | undefined;
  const line = (text: string): void => {
    if (!/^data:.*"message_(?:start|delta)"/.test(text)) return;
    const event = parse(text.slice("data:".length));
    const start = Start.safeParse(event);
    if (start.success) open = { ...start.data.message };
    const delta = Delta.safeParse(event);
    if (delta.success && open !== undefined) {
      const stated = Object.entries(delta.data.usage).filter(([, value]) => value !== null && value !== undefined);
      open.usage = { ...open.usage, ...Object.fromEntries(stated) };
    }
  };
  return {
    see: (chunk) => {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(0, LONGEST);
      for (const one of lines) line(one);
    },
    end: () => {
      line(rest);
      if (open !== undefined) add(open.model, open.usage);
      open = undefined;
    },
  };
}

function jsonReader(add: Add): ReturnType<Meter["answer"]> {
  const decoder = new TextDecoder();
  let text = "";
  return {
    see: (chunk) => {
      if (text.length <= LONGEST) text += decoder.decode(chunk, { stream: true });
    },
    end: () => {
      const message = Message.safeParse(parse(text));
      if (message.success) add(message.data.model, message.data.usage);
      text = "";
    },
  };
}

function requestUsage(usage: Usage): RequestUsage {
  const long = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  const written = Math.max(usage.cache_creation_input_tokens ?? 0, long);
  return {
    input: usage.input_tokens ?? 0,
    output: usage.output_tokens ?? 0,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite: written - long,
    cacheWriteLong: long,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no event that is counted
  }
}
