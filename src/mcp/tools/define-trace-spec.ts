import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { SpecName, specNamed, SpecText, specTextOf } from "../spec-documents.ts";
import { shownName } from "../shown.ts";
import { defineTool } from "../tool.ts";

/** `define_trace_spec`: stores a new specification. */
export const defineTraceSpec = defineTool({
  name: "define_trace_spec",
  title: "Store a specification",
  description:
    "Stores a new trace specification under a name, as version 1. Faults are told with line, column and the nearest known key; nothing is stored then. A name that exists is refused: use update_trace_spec. To start from recorded traces use generate_spec_from_traces.",
  toolset: "specs",
  effects: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({ name: SpecName, specification: SpecText, max_tokens: MaxTokens }),
  output: z.strictObject({
    name: z.string(),
    version: z.int(),
    expected_spans: z.array(z.string()).describe("What it expects, by clause."),
    ...Envelope,
  }),
  run: async ({ name, specification, max_tokens }, context) => {
    const { spec, text } = specNamed(name, specTextOf(name, specification));
    const { documents } = await context.store("write");
    const known = await documents.get("spec", name);
    if (known !== undefined) {
      throw new WhetstoneError("usage", `There is a specification "${name}" already, version ${known.version}.`, {
        remedy: "Store the next version with update_trace_spec, or choose another name.",
      });
    }
    const { version } = await documents.put({ kind: "spec", name, body: text, nowNs: context.clock.now(), after: 0 });
    return compose({
      maxTokens: max_tokens,
      facts: { name: shownName(name), version },
      lists: {
        expected_spans: sectionOf(spec.rules, ({ clause, name: rule }) =>
          shownName(`${clause}: ${"text" in rule ? rule.text : rule.template}`),
        ),
      },
    });
  },
});
