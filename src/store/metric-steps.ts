/** A window cut into steps of one length, the last of which may be shorter. Times in ns since the Unix epoch. */
export type Steps = {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly stepNs: bigint;
  readonly count: number;
};

/** Number of the step that holds a time; undefined outside of the window. */
export function stepAt({ sinceNs, untilNs, stepNs }: Steps, ns: bigint): number | undefined {
  return ns < sinceNs || ns >= untilNs ? undefined : Number((ns - sinceNs) / stepNs);
}

/** Length of a step, s. */
export function stepSeconds({ sinceNs, untilNs, stepNs }: Steps, step: number): number {
  const from = sinceNs + BigInt(step) * stepNs;
  return Number((untilNs < from + stepNs ? untilNs : from + stepNs) - from) / 1e9;
}

/** The steps that a span of time overlaps, each with the share of that span that lies in it; a moment lies in one. */
export function* shares(steps: Steps, fromNs: bigint, toNs: bigint): Generator<readonly [step: number, share: number]> {
  if (fromNs >= toNs) {
    const step = stepAt(steps, toNs);
    if (step !== undefined) yield [step, 1];
    return;
  }
  const { sinceNs, untilNs, stepNs } = steps;
  const end = toNs < untilNs ? toNs : untilNs;
  let from = fromNs > sinceNs ? fromNs : sinceNs;
  const length = Number(toNs - fromNs);
  while (from < end) {
    const step = (from - sinceNs) / stepNs;
    const next = sinceNs + (step + 1n) * stepNs;
    const to = next < end ? next : end;
    yield [Number(step), Number(to - from) / length];
    from = to;
  }
}
