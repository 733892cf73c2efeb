import { runRelayStep } from "./entry.ts";

// The entry of `actions/record/action.yml`.
await runRelayStep("record");
