import { z } from "zod";
import { matches } from "../../store/match.ts";
import { parseFilter } from "../../store/filter-text.ts";
import { eventText, STREAM_TYPES, StreamEventJson, type StreamForm, streamForm } from "../event-text.ts";
import { follow, type FollowParts, type StreamEvent } from "../follow.ts";
import { refusal } from "../problem.ts";
import { FilterQuery, pageQuery } from "../query.ts";
import { route, type Route } from "../route.ts";
import { asParameter, type ReadParts } from "./traces.ts";

/** What the stream works with. */
export type StreamParts = FollowParts & {
  readonly clock: ReadParts["clock"];
  /** Told of every event that is sent. */
  readonly onEvent?: ((type: StreamEvent["type"]) => void) | undefined;
};

const StreamQuery = z.strictObject({ ...FilterQuery.shape, cursor: pageQuery(1).shape.cursor });

/** `GET /stream`: spans as they arrive in the store. */
export function streamRoute(parts: StreamParts): Route {
  return route({
    method: "GET",
    path: "/stream",
    id: "streamSpans",
    summary: "Spans as they arrive, as JSON lines or, with Accept: text/event-stream, as server-sent events.",
    access: "traces",
    query: StreamQuery,
    answer: { name: "StreamEvent", schema: StreamEventJson, isStream: true },
    handle: async ({ query: { cursor, ...text }, request: { headers, signal, isStillAdmitted } }) => {
      const form = streamForm(headers.accept);
      if (form === undefined) {
        const remedy = `Send Accept: ${STREAM_TYPES.ndjson} or ${STREAM_TYPES.sse}.`;
        return { kind: "problem", problem: refusal("not_acceptable", "The stream has two forms.", remedy) };
      }
      const filter = parseFilter(text, parts.clock.now(), asParameter);
      const lastSeen = headers["last-event-id"];
      const events = await follow(parts, {
        // A browser that connects anew sends the address of the first time with the id of its last event.
        cursor: typeof lastSeen === "string" && lastSeen !== "" ? lastSeen : cursor,
        matches: (span) => matches(span, filter),
        mayRead: isStillAdmitted,
        signal,
      });
      return { kind: "stream", type: STREAM_TYPES[form], pieces: pieces(events, form, parts) };
    },
  });
}

async function* pieces(events: AsyncIterable<StreamEvent>, form: StreamForm, { onEvent }: StreamParts) {
  for await (const event of events) {
    onEvent?.(event.type);
    yield eventText(event, form);
  }
}
