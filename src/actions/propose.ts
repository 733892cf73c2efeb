import { runRelayStep } from "./entry.ts";

// The entry of `actions/propose/action.yml`.
await runRelayStep("propose");
