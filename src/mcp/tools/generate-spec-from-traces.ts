import { z } from "zod";
import { buildTree, type TraceTree } from "../../analyze/tree.ts";
import { WhetstoneError } from "../../model/error.ts";
import { generateSpec } from "../../specs/generate/generate.ts";
import { TraceIdArgument } from "../arguments.ts";
import { bytesPerItem, compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findSpans } from "../find-trace.ts";
import { SpecName } from "../spec-documents.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool, type ToolContext } from "../tool.ts";

/** `generate_spec_from_traces`: a specification that recorded traces have in common. */
export const generateSpecFromTraces = defineTool({
  name: "generate_spec_from_traces",
  title: "Specification from traces",
  description:
    "Writes the specification that the given traces have in common: what is always there is required, what varies is optional or a range; no span may take longer than the slowest plus 20 %. It accepts all of these traces. With save true it is stored under name (refused where the name exists). Give several traces of one operation; names in the text are recorded data.",
  toolset: "specs",
  effects: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    trace_ids: z.array(TraceIdArgument).min(1).max(100),
    name: SpecName.optional(),
    save: z.boolean().default(false),
    open: z.boolean().default(false).describe("Allow spans that the traces do not have."),
    quantile: z
      .enum(["0.5", "0.75", "0.9", "0.95", "0.99"])
      .optional()
      .describe("Bound this quantile over many traces, too."),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    name: z.string(),
    version: z.int().optional().describe("Where it was stored."),
    traces: z.int(),
    spans: z.int(),
    specification: z.string(),
    specificationCut: z.boolean().describe("Whether the text is longer; with save get_trace_spec shows the rest."),
    notes: z.array(z.string()),
    ...Envelope,
  }),
  run: async ({ trace_ids, name, save, open, quantile, max_tokens }, context) => {
    const trees: TraceTree[] = [];
    for (const [at, id] of trace_ids.entries()) {
      trees.push(buildTree(await findSpans(context, id)));
      context.progress(at + 1, "traces read", trace_ids.length);
    }
    const named = { ...(name !== undefined && { name }), ...(quantile !== undefined && { quantile }) };
    const { file, text, notes, traces, spans } = generateSpec(trees, { ...named, open });
    const version = save ? await store(context, { name: name ?? file.name, text }) : undefined;
    const room = Math.floor(bytesPerItem(max_tokens) / 4);
    const isCut = text.length > room;
    return compose({
      maxTokens: max_tokens,
      facts: {
        name: shownName(name ?? file.name),
        ...(version !== undefined && { version }),
        traces,
        spans,
        specification: shownText(text, isCut ? room - 80 : 2 * room),
        specificationCut: isCut,
      },
      lists: { notes: sectionOf(notes, (note) => shownText(note, 200)) },
    });
  },
});

type Generated = { readonly name: string; readonly text: string };

async function store(context: ToolContext, { name, text }: Generated) {
  const { documents } = await context.store("write");
  const known = await documents.get("spec", name);
  if (known !== undefined) {
    throw new WhetstoneError("usage", `There is a specification "${name}" already, version ${known.version}.`, {
      remedy: "Give another name, or store it as the next version with update_trace_spec.",
    });
  }
  return (await documents.put({ kind: "spec", name, body: text, nowNs: context.clock.now(), after: 0 })).version;
}
