import { WhetstoneError } from "../model/error.ts";
import type { Store } from "../store/store.ts";
import { HOW_TO_FILL } from "./empty.ts";
import type { ServerParts } from "./tool.ts";

/** A store that may not be there yet. */
export type StorePlace = {
  /** What the store is called in messages. */
  readonly name: string;
  readonly exists: () => boolean;
  readonly open: () => Promise<Store>;
};

/** A store that is opened at its first use and once only; an opening that failed is tried again. */
export type LazyStore = AsyncDisposable & Pick<ServerParts, "store">;

/** Makes a {@link LazyStore}. */
export function lazyStore({ name, exists, open }: StorePlace): LazyStore {
  let opened: Promise<Store> | undefined;
  const openOnce = (): Promise<Store> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    store: async (use) => {
      if (opened === undefined && use === "read" && !exists()) {
        throw new WhetstoneError("not_found", `There is no store at ${name} yet.`, { remedy: HOW_TO_FILL });
      }
      return openOnce();
    },
    [Symbol.asyncDispose]: async () => {
      const store = await opened?.catch(() => undefined); // told to the call that asked for it
      await store?.[Symbol.asyncDispose]();
    },
  };
}
