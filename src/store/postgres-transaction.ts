import type pg from "pg";
import type { Query } from "./queries/sql.ts";

/** All rows of a query; integers as the driver gives them, bigint as text. */
export async function selectAll<Row>(on: pg.Pool | pg.PoolClient, { sql, params }: Query): Promise<Row[]> {
  return (await on.query(sql, [...params])).rows as Row[];
}

/** Runs `work` on one connection between `begin` and COMMIT; rolls back and throws what `work` throws. */
export async function inTransaction<T>(
  pool: pg.Pool,
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (thrown) {
    // A connection that cannot even roll back is closed, which rolls back on the server.
    broken = await client.query("ROLLBACK").then(
      () => false,
      () => true,
    );
    throw thrown;
  } finally {
    client.release(broken);
  }
}
