/** Runs steps of the instrumentation so that none of them ever disturbs the host. */
export type Guard = {
  /** The step's value, or `otherwise` when the step threw; the fault is counted under its name. */
  readonly attempt: <T>(step: string, work: () => T, otherwise: T) => T;
  /** Faults so far by step; empty unless something is broken. */
  readonly faults: () => Readonly<Record<string, number>>;
};

/** Makes a {@link Guard}. `onFault` is told of the first fault of every step; what it throws is dropped. */
export function guardSteps(onFault: (step: string, error: unknown) => void): Guard {
  const counts = new Map<string, number>();
  const note = (step: string, error: unknown): void => {
    const before = counts.get(step) ?? 0;
    counts.set(step, before + 1);
    if (before > 0) return;
    try {
      onFault(step, error);
    } catch {
      // The report itself is broken; the fault stays counted, and the host goes on.
    }
  };
  return {
    attempt: (step, work, otherwise) => {
      try {
        return work();
      } catch (error) {
        note(step, error);
        return otherwise;
      }
    },
    faults: () => Object.fromEntries(counts),
  };
}
