import type pg from "pg";

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
