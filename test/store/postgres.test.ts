import { describe } from "@jest/globals";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { execute, freshDatabase, postgresUrl } from "../support/postgres.ts";
import { storeContract, type Harness } from "./contract.ts";

const onServer = postgresUrl === undefined ? describe.skip : describe;

async function database(): Promise<Harness> {
  const { url, drop } = await freshDatabase(postgresUrl ?? "");
  const store = await openPostgresStore({ url });
  const tables = ["spans", "traces", "operations", "resources", "scopes", "error_types", "rollups"].map(
    (table) => `whetstone.${table}`,
  );
  return {
    empty: async () => {
      await execute(url, `TRUNCATE ${tables.join(", ")} RESTART IDENTITY`);
      return store;
    },
    end: async () => {
      await store[Symbol.asyncDispose]();
      await drop();
    },
  };
}

onServer("PostgreSQL", () => storeContract(database, 40));
