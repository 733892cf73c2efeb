import { describe, expect, test } from "@jest/globals";
import { memoryStore } from "../../src/store/memory.ts";
import { storeContract } from "./contract.ts";
import { inMemory } from "./harness.ts";
import { span, traceId } from "./spans.ts";

describe("memory", () => {
  storeContract(inMemory, 200);

  test("what a caller changes afterwards does not change the store", async () => {
    const attributes: Record<string, string> = { k: "v" };
    await using store = memoryStore();
    await store.append([span({ attributes })]);
    attributes["k"] = "changed";
    expect((await store.trace(traceId(0)))[0]?.attributes).toEqual({ k: "v" });
  });
});
