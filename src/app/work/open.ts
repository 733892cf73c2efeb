import { isPostgresUrl } from "../../store/open.ts";
import type { WorkQueue } from "./port.ts";

/**
 * Opens the App's queue in the database that `url` names: PostgreSQL, otherwise the path of a SQLite file. It may be that
 * of the span store. @throws WhetstoneError `store_open_failed`
 */
export async function openWorkQueue({ url }: { readonly url: string }): Promise<WorkQueue> {
  if (isPostgresUrl(url)) {
    const { openPostgresQueue } = await import("./postgres.ts");
    return openPostgresQueue({ url });
  }
  const { openSqliteQueue } = await import("./sqlite.ts");
  return openSqliteQueue({ path: url });
}
