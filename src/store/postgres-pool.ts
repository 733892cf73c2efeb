import pg from "pg";
import { WhetstoneError } from "../model/error.ts";
import { postgresError } from "./postgres-errors.ts";
import { migratePostgres } from "./postgres-migrate.ts";

/** Connections per pool: one writer and a few readers. */
const MAX_CONNECTIONS = 4;

/** How long opening waits for the server; ms. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to the database and brings the schema `whetstone` up to date; `name` stands for the URL in messages.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openPostgresPool(url: string, name: string): Promise<pg.Pool> {
  const pool = poolFor(url, name);
  // The pool has dropped a connection that broke while idle; the next query opens another or reports the fault.
  pool.on("error", () => undefined);
  try {
    await migratePostgres(pool, name);
    return pool;
  } catch (thrown) {
    await pool.end();
    throw postgresError(thrown, { code: "store_open_failed", what: `The span store ${name} could not be opened` });
  }
}

function poolFor(url: string, name: string): pg.Pool {
  if (URL.parse(url) === null) {
    throw new WhetstoneError("store_open_failed", `The URL ${name} cannot be read.`, {
      remedy: "Write postgres://user:password@host:port/database, with special characters percent-encoded.",
    });
  }
  return new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "whetstone",
  });
}
