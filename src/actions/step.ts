import { endJob } from "./ending.ts";
import { parseStep, refuseForeign, STEPS } from "./steps.ts";
import { surroundings, takeInput } from "./surroundings.ts";

// The entry of `action.yml`: one step by name, the whole loop by default.
const chosen = await (async () => {
  const step = parseStep(takeInput("step"));
  await refuseForeign(step, surroundings.given);
  return STEPS[step];
})().catch((error: unknown) => ({
  run: () => endJob({ ...surroundings, outputNames: [] }, () => Promise.reject(error)),
}));
await chosen.run();
