import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { soakStore } from "../../bench/soak/store-run.ts";
import { temporaryPaths } from "./folder.ts";

const path = temporaryPaths();

// Twelve processes start on however few cores there are.
jest.setTimeout(120_000);

describe("eight writers and four readers on one SQLite file", () => {
  test("never hear of a busy database, lose no span, and the rollups count each once", async () => {
    const file = path();
    await mkdir(dirname(file), { recursive: true });
    const result = await soakStore({ path: file, writers: 8, readers: 4, seconds: 600, batches: 8 });
    expect(result.errors).toEqual([]);
    expect(result.stored).toEqual(Array(8).fill(8 * 125));
    expect(result.held).toEqual(result.stored);
    expect(result.rolledUp).toEqual(result.stored);
    expect(result.rounds).toBeGreaterThanOrEqual(4);
    expect(result.integrity).toBe("ok");
  });
});
