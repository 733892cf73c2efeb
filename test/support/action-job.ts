import type { JobContext, Remark, Toolkit } from "../../src/actions/job.ts";

/** A job as the runner describes it: the first attempt of run 17 of `o/r`, started by octocat. */
export const CONTEXT: JobContext = {
  actor: "octocat",
  triggeringActor: "",
  runId: 17,
  runAttempt: 1,
  serverUrl: "https://github.test",
  apiUrl: "https://api.github.test",
  repo: { owner: "o", repo: "r" },
};

/** What an action said to the runner, each kind in order of saying. */
export type Said = {
  readonly outputs: Record<string, string>;
  /** Plain lines and notices; `<NAME` and `>` where a group begins and ends. */
  readonly log: string[];
  readonly notices: string[];
  readonly warnings: string[];
  readonly failures: string[];
  readonly masked: string[];
  readonly summaries: string[];
};

/** The runner's side of an action, which writes down what it is told. */
export function toolkitFor(inputs: Readonly<Record<string, string>>): { readonly core: Toolkit; readonly said: Said } {
  const said: Said = {
    outputs: {},
    log: [],
    notices: [],
    warnings: [],
    failures: [],
    masked: [],
    summaries: [],
  };
  const core: Toolkit = {
    getInput: (name) => (Object.hasOwn(inputs, name) ? (inputs[name] ?? "") : ""),
    setOutput: (name, value) => {
      said.outputs[name] = value;
    },
    setSecret: (secret) => void said.masked.push(secret),
    info: (line) => void said.log.push(line),
    notice: (line) => {
      said.log.push(line);
      said.notices.push(line);
    },
    warning: (line, _at?: Remark) => void said.warnings.push(line),
    error: () => undefined,
    startGroup: (name) => void said.log.push(`<${name}`),
    endGroup: () => void said.log.push(">"),
    setFailed: (message) => void said.failures.push(message),
    writeSummary: async (markdown) => void said.summaries.push(markdown),
  };
  return { core, said };
}
