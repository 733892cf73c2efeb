import { setFlagsFromString } from "node:v8";

/** Half of a young generation that costs neither memory nor time, MiB. */
const HALF_MIB = 8;

/**
 * Keeps V8's young generation from growing, for the rest of the process. Where much outlives a collection, as telemetry
 * does until it is durable, V8 doubles it step by step up to 2 × 64 MiB and keeps that: a process at work for minutes
 * looks like one with a leak. Belongs at the start of a command that stays; loading the program has made it 2 × 8 MiB by
 * then, which costs the receiver 2 to 5 % of its time. V8 may still shrink it in idle hours, to 2 × 1 MiB at the least;
 * that costs about 8 %. Threads that are started later begin and stay with 2 × 8 MiB.
 */
export function keepYoungGeneration(): void {
  // Read by V8 whenever it considers to grow; the limit itself (--max-semi-space-size) is read at its start only.
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString(`--min-semi-space-size=${HALF_MIB}`);
}
