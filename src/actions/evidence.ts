import { runRelayStep } from "./entry.ts";

// The entry of `actions/evidence/action.yml`.
await runRelayStep("evidence");
