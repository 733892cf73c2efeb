import type { Store } from "../store/store.ts";
import { openSpanStore, spanStoreUrl } from "../wire.ts";
import type { CommonOptions } from "./command.ts";
import { configIfAny } from "./config.ts";
import type { Io } from "./io.ts";

/** `mustExist`: a store file that was named with `--db` has to be there. */
type StoreNeeds = { readonly mustExist?: boolean };

/**
 * Opens the store of a command: that of `--db`, `DATABASE_URL` or `db:` in whetstone.yaml, in this order.
 * @throws WhetstoneError `config_missing`, `config_invalid`, `not_found`, `usage`, `store_open_failed`
 */
export async function openCommandStore(options: CommonOptions, io: Io, needs: StoreNeeds = {}): Promise<Store> {
  return openSpanStore({ ...options, ...needs, cwd: io.cwd }, io.env, await configIfAny(options, io));
}

/** Where {@link openCommandStore} finds it: a postgres:// URL or an absolute path. */
export async function commandStoreUrl(options: CommonOptions, io: Io): Promise<string> {
  return spanStoreUrl({ ...options, cwd: io.cwd }, io.env, await configIfAny(options, io));
}
