import { runLoopStep } from "./entry.ts";

// The entry of `action.yml`.
await runLoopStep();
