import { runRelayStep } from "./entry.ts";

// The entry of `actions/validate/action.yml`.
await runRelayStep("validate");
