import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { openStore } from "./store.ts";
import { createServer } from "./tools.ts";
import { startTracing } from "./tracing.ts";

const stopTracing = await startTracing();
// When standard input has ended and the last answer is out, nothing is left to do: send the last spans and go.
process.once("beforeExit", () => void stopTracing());
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, leave);
// The client has gone without waiting for its answers.
process.stdout.once("error", leave);

const store = await openStore({
  notesDir: process.env["NOTES_DIR"] || join(import.meta.dirname, "../data"),
  stateDir: process.env["NOTES_STATE"] || temporaryFolder(),
});
await createServer(store).connect(new StdioServerTransport());

function leave(): void {
  void stopTracing().finally(() => process.exit(0));
}

/** A folder that goes when the process goes. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "notes-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
