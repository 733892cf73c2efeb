import { runRelayStep } from "./entry.ts";

// The entry of `actions/detect/action.yml`.
await runRelayStep("detect");
