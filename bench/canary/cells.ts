/** What disturbs the traffic of a simulated canary. */
export type Noise =
  | "none"
  /** Load that both arms share: errors and times drift together, autocorrelated over minutes. */
  | "shared"
  /** Incidents of some minutes that hit both arms: ten times the errors, three times the time. */
  | "incidents"
  /** Whole minutes of one arm are lost, and a tenth of all calls. */
  | "missing"
  /** Drift of its own in each arm, as of two machines: no difference of versions, yet a difference of arms. */
  | "arms";

/** A kind of simulated canary. */
export type Cell = {
  readonly name: string;
  /** `null`: equal arms; `margin`: as much worse as must not be promoted; `harm`: worse. */
  readonly kind: "null" | "margin" | "harm";
  /** Calls per minute of both arms. */
  readonly perMinute: number;
  /** Share of the calls that go to the canary. */
  readonly weight: number;
  /** Errors of the canary per error of the baseline. */
  readonly ratio: number;
  /** Only calls of the rarest operation have the ratio. */
  readonly oneOperation?: boolean;
  /** Relative slowdown of the canary. */
  readonly slowdown: number;
  readonly noise: Noise;
  readonly minutes: number;
};

const TRAFFIC = [2, 20, 200, 2_000] as const;
const WEIGHTS = [0.5, 0.05] as const;

/** Horizon, minutes: an hour; half of it where there are 2,000 calls a minute, which decide in the first minutes. */
const minutesFor = (perMinute: number): number => (perMinute > 1_000 ? 30 : 60);

/** Noise beside harm is shown at an even split. */
const weightsFor = ({ kind, noise }: Change): readonly number[] =>
  kind === "harm" && noise !== undefined ? [0.5] : WEIGHTS;

type Change = Pick<Cell, "kind"> & Partial<Pick<Cell, "ratio" | "slowdown" | "noise" | "oneOperation">>;

const NULLS: readonly Change[] = (["none", "shared", "incidents", "missing", "arms"] as const).map((noise) => ({
  kind: "null",
  noise,
}));
const MARGINS: readonly Change[] = [
  { kind: "margin", ratio: 2 },
  { kind: "margin", slowdown: 0.25 },
];
const HARMS: readonly Change[] = [
  { kind: "harm", ratio: 3 },
  { kind: "harm", ratio: 5 },
  { kind: "harm", ratio: 10 },
  { kind: "harm", ratio: 10, oneOperation: true },
  { kind: "harm", slowdown: 0.5 },
  { kind: "harm", slowdown: 1 },
  { kind: "harm", ratio: 5, noise: "shared" },
  { kind: "harm", ratio: 5, noise: "incidents" },
  { kind: "harm", ratio: 5, noise: "missing" },
];

/** Every cell of the table. */
export const CELLS: readonly Cell[] = [...NULLS, ...MARGINS, ...HARMS].flatMap((change) =>
  weightsFor(change).flatMap((weight) => TRAFFIC.map((perMinute) => cellOf({ perMinute, weight }, change))),
);

/** The cell of the stated speed: five times the errors at 10 + 10 calls a minute. */
export const SPEED_CELL = "errors ×5, 10+10";

/** The cells of `--quick`: each kind of trouble once, at 10 + 10 calls a minute, and the others of the plain null. */
export const QUICK_CELLS: readonly Cell[] = CELLS.filter(
  ({ perMinute, weight, kind, noise }) =>
    (perMinute === 20 && weight === 0.5) || (kind === "null" && noise === "none" && perMinute < 1_000),
);

function cellOf({ perMinute, weight }: Pick<Cell, "perMinute" | "weight">, change: Change): Cell {
  const { ratio = 1, slowdown = 0, noise = "none", oneOperation = false } = change;
  const canary = perMinute * weight;
  const name = [describe({ ratio, slowdown, oneOperation }), `${canary}+${perMinute - canary}`, noise];
  return {
    name: name.filter((part) => part !== "none").join(", "),
    kind: change.kind,
    perMinute,
    weight,
    ratio,
    oneOperation,
    slowdown,
    noise,
    minutes: minutesFor(perMinute),
  };
}

function describe({ ratio, slowdown, oneOperation }: Required<Pick<Cell, "ratio" | "slowdown" | "oneOperation">>) {
  if (ratio > 1) return `errors ×${ratio}${oneOperation ? " in one tool" : ""}`;
  return slowdown > 0 ? `+${100 * slowdown} % time` : "equal";
}
