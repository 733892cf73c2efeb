import { openMemoryState } from "../../src/github/memory-state.ts";
import { stateContract } from "./state-contract.ts";

stateContract("memory", async (options) => {
  const store = openMemoryState(options);
  return { writer: () => store, [Symbol.asyncDispose]: async () => undefined };
});
