import { type Problem, refusal } from "./problem.ts";

/** A place for one open stream, or why there is none. */
export type StreamSlot =
  | { readonly isTaken: true; readonly release: () => void }
  | { readonly isTaken: false; readonly problem: Problem; readonly release: () => void };

/** Places for open streams. */
export type StreamSlots = { readonly take: (keyId: string) => StreamSlot; readonly open: () => number };

/** At most `streamsPerKey` streams of one key and `streams` of all are open at once. */
export function streamSlots(limits: { readonly streamsPerKey: number; readonly streams: number }): StreamSlots {
  const held = new Map<string, number>();
  const open = (): number => held.values().reduce((sum, count) => sum + count, 0);
  return {
    open,
    take: (keyId) => {
      const own = held.get(keyId) ?? 0;
      if (own >= limits.streamsPerKey || open() >= limits.streams) {
        const detail = `${own} streams of this key and ${open()} in all are open.`;
        const remedy = `Close one; ${limits.streamsPerKey} per key and ${limits.streams} in all may be open.`;
        return { isTaken: false, problem: refusal("too_many_streams", detail, remedy), release: () => undefined };
      }
      held.set(keyId, own + 1);
      return {
        isTaken: true,
        release: () => {
          const left = (held.get(keyId) ?? 1) - 1;
          if (left === 0) held.delete(keyId);
          else held.set(keyId, left);
        },
      };
    },
  };
}
