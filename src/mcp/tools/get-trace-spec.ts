import { z } from "zod";
import { formatInstant } from "../../model/time.ts";
import { bytesPerItem, compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { loadSpec, SpecName, SpecVersion } from "../spec-documents.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

/** `get_trace_spec`: one specification with its history. */
export const getTraceSpec = defineTool({
  name: "get_trace_spec",
  title: "A specification",
  description:
    "Shows a stored specification as YAML or JSON text, by default its newest version, and when each version was written. A text larger than the budget is cut, which the answer says; ask with a greater max_tokens.",
  toolset: "specs",
  effects: READS,
  input: z.strictObject({ name: SpecName, version: SpecVersion, max_tokens: MaxTokens }),
  output: z.strictObject({
    name: z.string(),
    version: z.int(),
    written: z.string(),
    specification: z.string(),
    specificationCut: z.boolean(),
    history: z.array(z.strictObject({ version: z.int(), written: z.string(), bytes: z.int() })),
    ...Envelope,
  }),
  run: async ({ name, version, max_tokens }, context) => {
    const spec = await loadSpec(context, name, version);
    const { documents } = await context.store("read");
    const history = await documents.history("spec", name);
    // A character takes up to three bytes, and quotes are escaped.
    const room = Math.floor(bytesPerItem(max_tokens) / 3);
    const isCut = spec.text.length > room;
    return compose({
      maxTokens: max_tokens,
      facts: {
        name: shownName(name),
        version: spec.version,
        written: formatInstant(spec.writtenNs),
        specification: isCut ? shownText(spec.text, room - 80) : shownText(spec.text, 2 * room),
        specificationCut: isCut,
      },
      lists: {
        history: sectionOf(history, ({ version: of, writtenNs, bytes }) => ({
          version: of,
          written: formatInstant(writtenNs),
          bytes,
        })),
      },
    });
  },
});
