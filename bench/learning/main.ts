import { parseArgs } from "node:util";
import { renderTable } from "../../src/cli/table.ts";
import { brokenPromises, DIFFICULTIES, falseClaims, SESSIONS } from "./guarantee.ts";
import { always, counters, type Fate, measured, never, type Policy } from "./policies.ts";
import { BOUNDS, brokenBounds, claimed, type Score, scorePolicy, shareOf } from "./score.ts";
import type { TruthKind } from "./world.ts";

/**
 * `npm run bench:learning`: 200 made-up repositories (`--quick`: 40) with rules that help, do nothing or harm, and what
 * becomes of them. Ends with 1 when fewer than 95 % of the harmful rules are retired, or more than 5 % of the useless
 * ones are kept as helpful or ever said to be, or of the helpful ones are retired for their effect.
 */
const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const repositories = values.quick === true ? 40 : 200;

const POLICIES: readonly (readonly [string, Policy])[] = [
  ["measured (Whetstone)", measured],
  ["helpful/harmful counters", counters],
  ["every rule always", always],
  ["no rule ever", never],
];
const FATES: readonly Fate[] = ["helpful", "in trial", "retired: effect", "retired: expiry"];
const KINDS: readonly TruthKind[] = ["helpful", "useless", "harmful"];
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const scores = POLICIES.map(([name, policy]): [string, Score] => [name, scorePolicy(policy, repositories)]);
const rows = scores.flatMap(([name, score]) =>
  KINDS.map((kind, i) => [
    i === 0 ? name : "",
    kind,
    ...FATES.map((fate) => percent(shareOf(score, kind, [fate]))),
    i === 0 ? score.regret.toFixed(2) : "",
  ]),
);
process.stdout.write(`== ${repositories} repositories, 6 rules each, 240 to 960 sessions in 180 days\n`);
process.stdout.write(renderTable(["policy", "rules", "kept as helpful", ...FATES.slice(1), "regret/100"], rows));
process.stdout.write("Regret: proposals fewer that pass validation than with an oracle that shows what helps.\n\n");

const [[, own] = ["", undefined]] = scores;
if (own !== undefined) {
  const said = KINDS.map((kind) => [
    kind,
    ...(["shown", "posterior"] as const).map((by) => percent(claimed(own, kind, by))),
  ]);
  process.stdout.write("== rules ever said to help, looked at after every 8 sessions\n");
  process.stdout.write(renderTable(["rules", "e-value of 20 (Whetstone)", "P(effect > 0) of 95 % alone"], said));
  process.stdout.write("\n");
}
const claims = Object.keys(DIFFICULTIES).map((name) => falseClaims(name, values.quick === true ? 100 : 1_000));
process.stdout.write(
  `== false claims in ${SESSIONS} sessions, looked at after every one, whatever the sessions are like\n`,
);
process.stdout.write(
  renderTable(
    ["sessions", "no effect: said to help", "+5 points: said not to be worth it"],
    claims.map((one) => [one.difficulty, percent(one.saidToHelp / one.rules), percent(one.saidToWaste / one.rules)]),
  ),
);
process.stdout.write("\n");
const broken = [
  ...(own === undefined ? ["no score"] : brokenBounds(own)),
  ...claims.flatMap((one) => brokenPromises(one)),
];
const bounds = `at least ${percent(1 - BOUNDS.harmfulLeft)} of the harmful retired, at most ${percent(BOUNDS.uselessKept)} of the useless kept or ever said to be helpful, at most ${percent(BOUNDS.helpfulRetired)} of the helpful retired for their effect`;
process.stdout.write(`Bounds (${bounds}): ${broken.length === 0 ? "kept" : `BROKEN: ${broken.join("; ")}`}.\n`);
if (broken.length > 0) process.exitCode = 1;
