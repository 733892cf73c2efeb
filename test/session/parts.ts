import type { SessionRun } from "../../src/model/session.ts";

/** What a session of the real program leaves. */
export const run: SessionRun = {
  baseSha: "a".repeat(40),
  startedAt: "2026-11-20T10:00:00.000Z",
  durationMs: 12_345,
  stop: "answered",
  cliVersion: "2.1.328",
  provider: "anthropic",
  contextDigest: "b".repeat(64),
  denials: [{ tool: "Bash", count: 2 }],
  events: [
    { kind: "said", atMs: 10, text: "Looking." },
    { kind: "called", atMs: 20, tool: "Read", input: "{}", result: { durationMs: 5, status: "ok", length: 100 } },
    { kind: "retried", atMs: 30, status: null },
  ],
  eventsOmitted: 0,
};
