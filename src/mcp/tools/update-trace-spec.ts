import { z } from "zod";
import { diffSpecs } from "../../specs/diff.ts";
import { WhetstoneError } from "../../model/error.ts";
import { updateSpecText } from "../../specs/update.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { loadSpec, SpecName, specNamed, SpecText, specTextOf } from "../spec-documents.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool } from "../tool.ts";

/** `update_trace_spec`: stores the next version. */
export const updateTraceSpec = defineTool({
  name: "update_trace_spec",
  title: "Next version of a specification",
  description:
    "Stores the next version of a specification; older ones stay. updates replaces top-level keys (such as expected_spans); specification replaces the whole. Answers what changed. A text that says the same is not stored again. after_version refuses the update when somebody else was faster.",
  toolset: "specs",
  effects: { readOnly: false, destructive: false, idempotent: true },
  input: z.strictObject({
    name: SpecName,
    updates: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("Top-level keys with their new values; null removes."),
    specification: SpecText.optional().describe("The whole new specification, instead of updates."),
    after_version: z.int().min(1).optional(),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    name: z.string(),
    version: z.int(),
    stored: z.boolean().describe("False: it says the same as before."),
    changes: z.array(z.strictObject({ path: z.string(), before: z.string(), after: z.string() })),
    ...Envelope,
  }),
  run: async ({ name, updates, specification, after_version, max_tokens }, context) => {
    if ((updates === undefined) === (specification === undefined)) {
      throw new WhetstoneError("usage", "Either updates or specification is needed, and not both.", {
        remedy: "updates replaces single keys; specification replaces the whole text.",
      });
    }
    const known = await loadSpec(context, name);
    const wanted =
      specification === undefined ? updateSpecText(known.text, updates ?? {}) : specTextOf(name, specification);
    const { spec, text } = specNamed(name, wanted);
    const changes = diffSpecs(known.spec.file, spec.file);
    const isSame = changes.length === 0 && (after_version ?? known.version) === known.version;
    const { documents } = await context.store("write");
    const write = { kind: "spec", name, body: text, nowNs: context.clock.now() } as const;
    const { version } = isSame ? known : await documents.put({ ...write, after: after_version ?? known.version });
    return compose({
      maxTokens: max_tokens,
      facts: { name: shownName(name), version, stored: !isSame },
      lists: {
        changes: sectionOf(changes, ({ path, before, after }) => ({
          path: shownText(path, 160),
          before: shownText(JSON.stringify(before), 160),
          after: shownText(JSON.stringify(after), 160),
        })),
      },
    });
  },
});
