import { callsOf } from "../../src/analyze/calls.ts";
import { diagnose } from "../../src/analyze/diagnose/diagnose.ts";
import { compareText } from "../../src/analyze/parents.ts";
import { groupTraces, type TraceTree } from "../../src/analyze/tree.ts";
import { createRandom } from "../../src/stats/random.ts";
import { INCIDENT_KINDS, makeIncident, type Incident, type IncidentKind } from "./incidents.ts";

type Named = { readonly service: string; readonly operation: string };
type Ranking = (baseline: readonly TraceTree[], incident: readonly TraceTree[], seed: string) => readonly Named[];

/** How often the origin came first, and among the first three; for kinds that are no fault, how often nothing was named. */
export type Ranked = {
  readonly kind: IncidentKind;
  readonly trials: number;
  readonly first: number;
  readonly third: number;
  readonly silent: number;
};

/** Ranking by the added time and failures of whole calls, which victims share with the origin. */
export const byLoudness: Ranking = (baseline, incident) => {
  const before = loudness(baseline);
  return [...loudness(incident)]
    .map(([key, { named, loud }]) => ({ named, added: loud - (before.get(key)?.loud ?? 0), key }))
    .sort((a, b) => b.added - a.added || compareText(a.key, b.key))
    .map(({ named }) => named);
};

/** The operations of the incident in any order. */
export const byChance: Ranking = (_baseline, incident, seed) => {
  const random = createRandom(seed);
  return [...loudness(incident).values()]
    .map(({ named }) => ({ named, place: random.uniform() }))
    .sort((a, b) => a.place - b.place)
    .map(({ named }) => named);
};

/** `whetstone diagnose`. */
export const byDiagnosis: Ranking = (baseline, incident) => diagnose(baseline, incident).ranked;

type Loud = { readonly named: Named; loud: number };

/** Per operation: milliseconds per trace, and a second for every failure. */
function loudness(traces: readonly TraceTree[]): Map<string, Loud> {
  const all = new Map<string, Loud>();
  for (const call of traces.flatMap((tree) => callsOf(tree))) {
    const known = all.get(call.key) ?? { named: { service: call.service, operation: call.operation }, loud: 0 };
    known.loud += ((call.end - call.start) / 1e6 + (call.failed ? 1000 : 0)) / traces.length;
    all.set(call.key, known);
  }
  return all;
}

/** Ranks one incident per seed and kind. */
export function scoreRanking(
  ranking: Ranking,
  seeds: readonly string[],
  kinds: readonly IncidentKind[] = INCIDENT_KINDS,
): Ranked[] {
  return kinds.map((kind) => {
    const places = seeds.map((seed) => place(ranking, makeIncident(kind, seed), seed));
    const within = (most: number): number => places.filter((at) => at !== undefined && at >= 0 && at < most).length;
    return {
      kind,
      trials: seeds.length,
      first: within(1),
      third: within(3),
      silent: places.filter((at) => at === undefined).length,
    };
  });
}

/** Place of the origin, −1 where it is not named, undefined where nothing is. */
function place(ranking: Ranking, { baseline, incident, origin }: Incident, seed: string): number | undefined {
  const ranked = ranking(groupTraces(baseline), groupTraces(incident), seed);
  if (ranked.length === 0) return undefined;
  return ranked.findIndex(({ service, operation }) => service === origin?.service && operation === origin.operation);
}
