/** Wakes whoever waits for the next ring. */
export type Bell = { readonly ring: () => void; readonly next: () => Promise<void> };

/** Makes a {@link Bell}. Whoever asks for the next ring before a look misses none that comes during it. */
export function createBell(): Bell {
  let waiting = Promise.withResolvers<void>();
  return {
    ring: () => {
      waiting.resolve();
      waiting = Promise.withResolvers();
    },
    next: () => waiting.promise,
  };
}

/** Milliseconds that pass; ends early, without an error, when the signal aborts. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

type Sleep = { readonly rung: Promise<void>; readonly ms: number; readonly stopping: AbortSignal };

/** Sleeps for so long, or until it rings or `stopping` aborts; `Infinity` for no limit. */
export async function sleepUntil({ rung, ms, stopping }: Sleep, pause: Pause): Promise<void> {
  if (stopping.aborted) return;
  const awake = new AbortController();
  const signal = AbortSignal.any([awake.signal, stopping]);
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([rung, stopped, ...(ms === Infinity ? [] : [pause(ms, signal)])]);
  awake.abort();
}
