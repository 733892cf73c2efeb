/** What a proxy counts while it runs. */
export type Counts = {
  /** HTTP requests that were passed on. */
  requests: number;
  /** Refused for their `Origin` or `Host`. */
  refused: number;
  /** Connections beyond the limit. */
  connectionsRefused: number;
  /** Answered with 502 or cut off, because the upstream could not be reached or broke off. */
  upstreamFailures: number;
  /** Messages that went on without a trace context, because they were too large to hold or were compressed. */
  uninjected: { tooLarge: number; encoded: number };
  /** Answers whose messages could not be read: too large, or in an encoding that is not known. */
  unread: number;
  /** Sessions that were opened, per arm. */
  sessions: { baseline: number; canary: number };
  /** Sessions that were forgotten because too many were open. */
  sessionsForgotten: number;
  /** Messages whose spans were lost to a fault in Whetstone. */
  faults: number;
};

/** Counts at zero. */
export function zeroCounts(): Counts {
  return {
    requests: 0,
    refused: 0,
    connectionsRefused: 0,
    upstreamFailures: 0,
    uninjected: { tooLarge: 0, encoded: 0 },
    unread: 0,
    sessions: { baseline: 0, canary: 0 },
    sessionsForgotten: 0,
    faults: 0,
  };
}

/** What a person should know at the end: a line for each count that says that something is missing. */
export function countLines(counts: Counts): readonly string[] {
  const { uninjected, unread, sessionsForgotten, faults, connectionsRefused } = counts;
  const said: readonly (readonly [number, string])[] = [
    [uninjected.tooLarge, "messages were too large to hold and went on without a trace context"],
    [uninjected.encoded, "messages were compressed and went on without a trace context"],
    [unread, "answers could not be read; their spans do not say how the call ended"],
    [sessionsForgotten, "sessions were forgotten because too many were open"],
    [connectionsRefused, "connections were refused because too many were open"],
    [faults, "messages passed without spans, or without a part of them, because of a fault in Whetstone"],
  ];
  return said.filter(([count]) => count > 0).map(([count, what]) => `whetstone: ${count} ${what}.\n`);
}
