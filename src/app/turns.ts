/** Runs work of the same key one after the other, of different keys at the same time. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** {@link Turns} of this process; a key is forgotten when its last work has ended. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    // The failure of the one before is its own caller's business.
    const mine = before.then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
