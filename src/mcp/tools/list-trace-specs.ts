import { z } from "zod";
import { formatInstant } from "../../model/time.ts";
import type { DocumentSummary } from "../../store/document-port.ts";
import { foreignCursor } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { shownName } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const PAGE = 200;
/** Holds a name of 200 characters, of up to three bytes each. */
const NameCursor = z.string().max(1_000).optional().describe("nextCursor of the answer before, unchanged.");

/** `list_trace_specs`: the stored specifications. */
export const listTraceSpecs = defineTool({
  name: "list_trace_specs",
  title: "Specifications",
  description:
    "Lists the stored trace specifications by name with newest version, time and size. Their text comes from get_trace_spec.",
  toolset: "specs",
  effects: READS,
  input: z.strictObject({ cursor: NameCursor, max_tokens: MaxTokens }),
  output: z.strictObject({
    specs: z.array(z.strictObject({ name: z.string(), version: z.int(), written: z.string(), bytes: z.int() })),
    ...Envelope,
  }),
  run: async ({ cursor, max_tokens }, { store }) => {
    const after = cursor === undefined ? undefined : nameIn(cursor);
    const { documents: list } = await store("read");
    const { documents, total } = await list.list("spec", { limit: PAGE, ...(after !== undefined && { after }) });
    return compose({
      maxTokens: max_tokens - cursorTokens(documents),
      facts: {},
      lists: { specs: sectionOf(documents, row, { total }) },
      cursor: (returned) => nextAfter(documents, returned),
      before: after === undefined ? 0 : null,
      hint: total === 0 ? "None yet: define_trace_spec stores one, generate_spec_from_traces writes one." : undefined,
    });
  },
});

const cursorAfter = (name: string): string => `n${Buffer.from(name).toString("base64url")}`;

/** What the longest cursor may take: names are long enough to count. */
const cursorTokens = (documents: readonly DocumentSummary[]): number =>
  Math.ceil(Math.max(0, ...documents.map(({ name }) => cursorAfter(name).length)) / 4);

/** @throws WhetstoneError `usage` for a cursor that {@link cursorAfter} did not make */
function nameIn(cursor: string): string {
  const name = Buffer.from(cursor.slice(1), "base64url").toString("utf8");
  if (name !== "" && cursorAfter(name) === cursor) return name;
  throw foreignCursor();
}

function nextAfter(documents: readonly DocumentSummary[], returned: number): string | undefined {
  const last = documents[returned - 1];
  const isLast = returned === documents.length && documents.length < PAGE;
  return last === undefined || isLast ? undefined : cursorAfter(last.name);
}

const row = ({ name, version, writtenNs, bytes }: DocumentSummary) => ({
  name: shownName(name),
  version,
  written: formatInstant(writtenNs),
  bytes,
});
