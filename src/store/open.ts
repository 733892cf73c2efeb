import type { Store } from "./store.ts";

/** Whether a store is in PostgreSQL; otherwise its URL is the path of a SQLite file. */
export const isPostgresUrl = (url: string): boolean => /^postgres(ql)?:\/\//.test(url);

/**
 * Opens the store that `url` names: PostgreSQL for `postgres://` and `postgresql://`, otherwise the path of a SQLite
 * file. The driver is loaded only when it is used.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openStore({ url }: { readonly url: string }): Promise<Store> {
  if (isPostgresUrl(url)) {
    const { openPostgresStore } = await import("./postgres.ts");
    return openPostgresStore({ url });
  }
  const { openSqliteStore } = await import("./sqlite.ts");
  return openSqliteStore({ path: url });
}
