import type { FollowParts } from "../../src/dashboard/follow.ts";

/** Pauses that a test ends by hand. */
export type Ticker = {
  readonly pause: FollowParts["pause"];
  /** Resolves when somebody pauses, with for how long. */
  readonly paused: () => Promise<number>;
  /** Ends the pause that has begun. */
  readonly go: () => void;
};

/** A {@link Ticker} for one that pauses at a time. */
export function ticker(): Ticker {
  let begun = Promise.withResolvers<number>();
  let end = (): void => undefined;
  return {
    pause: (ms, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
        end = resolve;
        begun.resolve(ms);
      }),
    paused: () => begun.promise,
    go: () => {
      begun = Promise.withResolvers<number>();
      end();
    },
  };
}
