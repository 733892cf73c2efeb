import type { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { DossierManifest } from "../../model/dossier.ts";
import { Outcome } from "../../model/outcome.ts";
import { formatInstant } from "../../model/time.ts";
import type { AppCommand } from "../command.ts";
import { cell, markdownTable } from "../page-text.ts";

/** Outcomes that a status shows; each costs one request. */
const SHOWN_OUTCOMES = 5;
/** Stages of a run that a status shows; the flow has fewer. */
const SHOWN_STAGES = 20;

/** Records of one kind on the state branch: the newest ones, how many there are, and paths that cannot be read. */
type Newest<T> = { readonly records: readonly T[]; readonly total: number; readonly unreadable: readonly string[] };

/** `/whetstone status`: newest outcomes and the newest run, from the state branch. */
export const status: AppCommand = {
  word: "status",
  summary: "newest outcomes and the newest run, from the state branch",
  run: async ({ state, clock }) => {
    const view = await state.view();
    const outcomes = await newest(view, { path: /^outcomes\/[^/]+\.json$/, schema: Outcome, limit: SHOWN_OUTCOMES });
    const manifest = /^dossiers\/[^/]+\/manifest\.json$/;
    const runs = await newest(view, { path: manifest, schema: DossierManifest, limit: 1 });
    const unreadable = [...outcomes.unreadable, ...runs.unreadable];
    const body = [
      "### Whetstone status",
      `As of ${formatInstant(clock.now())}, ${view.head === undefined ? "nothing is recorded yet" : `state \`${view.head.slice(0, 7)}\``}.`,
      ...outcomeSection(outcomes),
      ...runs.records.map(runSection),
      ...unreadable.map((path) => `⚠️ Cannot be read as a record: ${cell(path)}. Restore it from an earlier commit.`),
    ].join("\n\n");
    return { ok: unreadable.length === 0, body };
  },
};

type Wanted<Schema extends z.ZodType> = { readonly path: RegExp; readonly schema: Schema; readonly limit: number };

/** The newest records; ids begin with their time, so that names sort as times do. */
async function newest<Schema extends z.ZodType>(
  view: StateView,
  { path, schema, limit }: Wanted<Schema>,
): Promise<Newest<z.output<Schema>>> {
  const paths = (await view.list("")).filter((name) => path.test(name));
  const records: z.output<Schema>[] = [];
  const unreadable: string[] = [];
  for (const name of paths.toReversed().slice(0, limit)) {
    const parsed = schema.safeParse(json((await view.read(name)) ?? ""));
    if (parsed.success) records.push(parsed.data);
    else unreadable.push(name);
  }
  return { records, total: paths.length, unreadable };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it, so it is listed as unreadable
  }
}

function outcomeSection({ records, total }: Newest<Outcome>): readonly string[] {
  if (total === 0) return ["No outcome is recorded. A run that ends records one: `whetstone loop`."];
  const rows = records.map((outcome) => [
    cell(outcome.at),
    cell(outcome.target),
    outcome.status,
    outcome.reasons.join(", "),
    cell(outcome.proposal),
  ]);
  return [
    `**Outcomes**, newest first: ${records.length} of ${total}; all are in the folder \`outcomes/\` of the branch.`,
    markdownTable(["when", "target", "status", "reasons", "proposal"], rows),
  ];
}

function runSection(manifest: DossierManifest): string {
  const stages = manifest.stages.slice(0, SHOWN_STAGES);
  const rows = stages.map((stage) => [
    cell(stage.stage),
    cell(stage.verdict),
    stage.reasons.join(", "),
    cell(stage.summary),
  ]);
  const count =
    stages.length === manifest.stages.length ? "" : `, ${stages.length} of ${manifest.stages.length} stages`;
  return [
    `**Newest run** ${cell(manifest.run)} on ${cell(manifest.target)}: ${cell(manifest.verdict)}${count}, dossier ${cell(manifest.id)}`,
    markdownTable(["stage", "verdict", "reasons", "summary"], rows),
  ].join("\n\n");
}
