import type { StateStore } from "../../src/github/state-port.ts";

/** Appends a line to the file `log`: an update that loses lines if two writers overlap. */
export async function appendLine(store: StateStore, line: string): Promise<void> {
  await store.update(line, async (view) => ({
    change: new Map([["log", `${(await view.read("log")) ?? ""}${line}\n`]]),
    value: undefined,
  }));
}
