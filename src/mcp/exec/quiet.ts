/** Waits for a pause in what arrives. */
export type Quiet = {
  /** Says that something arrived. */
  readonly touch: () => void;
  /** Resolves once nothing arrived for `quietMs`, or when `isOver` says that nothing can arrive any more. */
  readonly wait: (isOver: () => boolean) => Promise<void>;
};

/** Calls back after so many ms; returns what takes it back. The system's timers outside of tests. */
export type After = (ms: number, callBack: () => void) => () => void;

/** The system's timers. */
export const systemTimers: After = (ms, callBack) => {
  const timer = setTimeout(callBack, ms);
  return () => clearTimeout(timer);
};

/** How often it is asked whether anything can still arrive, ms. */
const ASK_MS = 25;

/** A {@link Quiet} on a timer. */
export function quietPeriod(quietMs: number, after: After): Quiet {
  let restart: () => void = () => undefined;
  return {
    touch: () => restart(),
    wait: (isOver) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let cancelQuiet = after(quietMs, resolve);
      let cancelAsk: () => void = () => undefined;
      const ask = (): void => {
        if (isOver()) resolve();
        else cancelAsk = after(ASK_MS, ask);
      };
      restart = () => {
        cancelQuiet();
        cancelQuiet = after(quietMs, resolve);
      };
      ask();
      return promise.finally(() => {
        cancelQuiet();
        cancelAsk();
        restart = () => undefined;
      });
    },
  };
}
