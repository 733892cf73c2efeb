import type { ReasonCode } from "./codes.ts";

/** What a stage of the flow returns: its verdict with reasons, one line for people, and what it produced. */
export type Stage<T> = {
  /** Anything but `pass` ends the flow after this stage. */
  readonly verdict: "pass" | "fail" | "inconclusive";
  readonly reasons: readonly [ReasonCode, ...ReasonCode[]];
  readonly summary: string;
  readonly value: T;
};

/** Told while a stage works, for progress on a terminal: `done` of `total` steps. */
export type Progress = (step: { readonly label: string; readonly done: number; readonly total: number }) => void;

/** Files of a dossier under construction, by path; written as a whole at the end of the run. */
export type DossierFiles = Map<string, string | Uint8Array>;
