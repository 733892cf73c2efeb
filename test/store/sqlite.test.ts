import { describe } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { storeContract, type Harness } from "./contract.ts";

async function files(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-store-"));
  const open: AsyncDisposable[] = [];
  let count = 0;
  const close = async () => {
    for (const store of open.splice(0)) await store[Symbol.asyncDispose]();
  };
  return {
    empty: async () => {
      await close();
      count += 1;
      const store = await openSqliteStore({ path: join(folder, `${count}.db`) });
      open.push(store);
      return store;
    },
    end: async () => {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe("SQLite", () => storeContract(files, 60));
