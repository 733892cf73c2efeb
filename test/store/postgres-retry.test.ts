import { describe, expect, test } from "@jest/globals";
import { withRetry } from "../../src/store/postgres-append.ts";

/** Work that fails with the given SQLSTATEs, one after the other, and then succeeds; counts its runs. */
function failing(...states: readonly string[]) {
  let runs = 0;
  const work = async (): Promise<string> => {
    const code = states[runs];
    runs += 1;
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    return "done";
  };
  return { work, runs: () => runs };
}

describe("a transaction that PostgreSQL ends in favour of another", () => {
  test.each(["40P01", "40001"])("(%s) is started anew", async (state) => {
    const { work, runs } = failing(state, state);
    expect(await withRetry(work)).toBe("done");
    expect(runs()).toBe(3);
  });

  test("is given up after five attempts", async () => {
    const { work, runs } = failing(...Array<string>(9).fill("40P01"));
    await expect(withRetry(work)).rejects.toMatchObject({ code: "40P01" });
    expect(runs()).toBe(5);
  });

  test("is not started anew for any other error", async () => {
    const { work, runs } = failing("53100");
    await expect(withRetry(work)).rejects.toMatchObject({ code: "53100" });
    expect(runs()).toBe(1);
  });
});
