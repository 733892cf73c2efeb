import { runRelayStep } from "./entry.ts";

// The entry of `actions/gate/action.yml`.
await runRelayStep("gate");
