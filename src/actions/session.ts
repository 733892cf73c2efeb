import { runRelayStep } from "./entry.ts";

// The entry of `actions/session/action.yml`.
await runRelayStep("session");
