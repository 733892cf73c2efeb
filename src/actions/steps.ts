import { nearest } from "../model/nearest.ts";
import { usage } from "./input-check.ts";

/** One action below `actions/`, or the whole loop, as the action of the repository runs it. */
type Step = {
  /** Does the step's work: each entry does so when it is loaded, and only the chosen one is. */
  readonly run: () => Promise<unknown>;
  readonly inputs: () => Promise<readonly string[]>;
};

const relayInputs = async () => (await import("./relay-inputs.ts")).RELAY_INPUTS;

/** What the input `step` of `action.yml` may name. */
export const STEPS = {
  loop: { run: () => import("./loop.ts"), inputs: async () => (await import("./inputs.ts")).INPUT_NAMES },
  gate: { run: () => import("./gate.ts"), inputs: async () => (await relayInputs()).gate },
  evidence: { run: () => import("./evidence.ts"), inputs: async () => (await relayInputs()).evidence },
  session: { run: () => import("./session.ts"), inputs: async () => (await relayInputs()).session },
  detect: { run: () => import("./detect.ts"), inputs: async () => (await relayInputs()).detect },
  validate: { run: () => import("./validate.ts"), inputs: async () => (await relayInputs()).validate },
  propose: { run: () => import("./propose.ts"), inputs: async () => (await relayInputs()).propose },
  record: { run: () => import("./record.ts"), inputs: async () => (await relayInputs()).record },
  stopped: {
    run: () => import("./stopped.ts"),
    inputs: async () => (await import("./stopped-job.ts")).STOPPED_INPUTS,
  },
  canary: {
    run: () => import("./canary.ts"),
    inputs: async () => (await import("./canary-inputs.ts")).CANARY_INPUTS,
  },
  rollback: {
    run: () => import("./rollback.ts"),
    inputs: async () => (await import("./rollback-job.ts")).ROLLBACK_INPUTS,
  },
  stop: {
    run: () => import("./stop.ts"),
    inputs: async () => (await import("./stop-job.ts")).STOP_INPUTS,
  },
  monitor: {
    run: () => import("./monitor.ts"),
    inputs: async () => (await import("./monitor-inputs.ts")).MONITOR_INPUTS,
  },
} as const satisfies Readonly<Record<string, Step>>;
export type StepName = keyof typeof STEPS;

/** All names, in the order of the loop. */
export const STEP_NAMES = Object.keys(STEPS) as readonly StepName[];

/** The step that the input names; the whole loop when it names none. @throws WhetstoneError `usage` */
export function parseStep(text: string): StepName {
  const step = STEP_NAMES.find((name) => name === (text || "loop"));
  if (step !== undefined) return step;
  const near = nearest(text, STEP_NAMES);
  throw usage(
    `\`step: ${text}\` is no step.`,
    near === undefined ? `The steps are ${STEP_NAMES.join(", ")}.` : `Did you mean \`${near}\`?`,
  );
}

/**
 * Refuses inputs of other steps, and says whose they are; what no step knows is left to the step's own check.
 * @throws WhetstoneError `usage`
 */
export async function refuseForeign(step: StepName, given: readonly string[]): Promise<void> {
  const known = await inputsOf(step);
  for (const name of given.filter((word) => !known.includes(word))) {
    const takers: StepName[] = [];
    for (const other of STEP_NAMES) if ((await inputsOf(other)).includes(name)) takers.push(other);
    if (takers.length === 0) continue;
    const words = takers.map((taker) => `\`${taker}\``).join(", ");
    throw usage(`The step \`${step}\` takes no input \`${name}\`.`, `Leave it out; it belongs to ${words}.`);
  }
}

/** The inputs that a step knows. */
export async function inputsOf(step: StepName): Promise<readonly string[]> {
  return await STEPS[step].inputs();
}
