import { z } from "zod";
import { SpanRecordJson, spanRecordJson } from "../model/span-json.ts";
import type { StreamEvent } from "./follow.ts";

/** Forms of a stream: one JSON object per line, or events of the HTML standard (`text/event-stream`). */
export const STREAM_TYPES = { ndjson: "application/x-ndjson", sse: "text/event-stream" } as const;
export type StreamForm = keyof typeof STREAM_TYPES;

const Cursor = z
  .string()
  .describe("Leads on after this event, as the parameter `cursor` or the header `Last-Event-ID`.");

/** One event as JSON. */
export const StreamEventJson = z.discriminatedUnion("type", [
  z.object({ type: z.literal("span"), cursor: Cursor, span: SpanRecordJson }),
  z.object({
    type: z.literal("gap"),
    cursor: Cursor,
    reason: z
      .enum(["removed", "reader_too_slow"])
      .describe("Why spans between the event before and the next are missing."),
  }),
  z.object({ type: z.literal("heartbeat"), cursor: Cursor }),
  z.object({ type: z.literal("end"), cursor: Cursor }),
]);
export type StreamEventJson = z.infer<typeof StreamEventJson>;

/** The form that an `Accept` header asks for; undefined when it takes neither. */
export function streamForm(accept: string | undefined): StreamForm | undefined {
  const types = (accept ?? "*/*").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase() ?? "");
  if (types.includes(STREAM_TYPES.sse)) return "sse";
  const takesLines = [STREAM_TYPES.ndjson, "application/*", "*/*", "application/json", ""];
  return types.some((type) => takesLines.includes(type)) ? "ndjson" : undefined;
}

/** An event as text of a form. In server-sent events its id is the cursor, which browsers send back by themselves. */
export function eventText(event: StreamEvent, form: StreamForm): string {
  const json = event.type === "span" ? { ...event, span: spanRecordJson(event.span) } : event;
  const data = JSON.stringify(json satisfies StreamEventJson);
  return form === "ndjson" ? `${data}\n` : `event: ${event.type}\nid: ${event.cursor}\ndata: ${data}\n\n`;
}
