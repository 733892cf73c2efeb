import { WhetstoneError } from "../model/error.ts";
import type { Store } from "../store/store.ts";
import { HOW_TO_FILL } from "./empty.ts";
import type { ServerParts } from "./tool.ts";

/** A store that may not be there yet. */
export type StorePlace = {
  /** What the store is called in messages. */
  readonly name: string;
  readonly exists: () => boolean;
  /** Tells the store from another one that takes its place; undefined where there is none. */
  readonly identity?: () => string | undefined;
  readonly open: () => Promise<Store>;
};

/**
 * A store that is opened at its first use and once only; an opening that failed is tried again. A store that was removed
 * or replaced meanwhile is not answered from any more.
 */
export type LazyStore = AsyncDisposable & Pick<ServerParts, "store">;

type Opened = { readonly store: Promise<Store>; identity: string | undefined; isReady: boolean };

/** Makes a {@link LazyStore}. */
export function lazyStore({ name, exists, identity = () => undefined, open }: StorePlace): LazyStore {
  let current: Opened | undefined;
  // Calls under way may still use them.
  const replaced: Opened[] = [];
  const openOnce = (): Promise<Store> => {
    if (current !== undefined) return current.store;
    const opened: Opened = { store: open(), identity: undefined, isReady: false };
    current = opened;
    opened.store.then(
      () => Object.assign(opened, { identity: identity(), isReady: true }),
      () => (current = undefined), // told to the call that asked for it
    );
    return opened.store;
  };
  return {
    store: async (use) => {
      if (current?.isReady === true && identity() !== current.identity) {
        replaced.push(current);
        current = undefined;
      }
      if (current === undefined && use === "read" && !exists()) {
        throw new WhetstoneError("not_found", `There is no store at ${name} yet.`, { remedy: HOW_TO_FILL });
      }
      return openOnce();
    },
    [Symbol.asyncDispose]: async () => {
      for (const opened of [...replaced, ...(current === undefined ? [] : [current])]) {
        const store = await opened.store.catch(() => undefined); // told to the call that asked for it
        await store?.[Symbol.asyncDispose]();
      }
    },
  };
}
