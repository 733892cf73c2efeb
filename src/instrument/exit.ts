/** Signals by which clients and people end a server. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The part of `process` that is used. */
export type Host = Pick<NodeJS.Process, "on" | "once" | "off" | "listenerCount" | "kill" | "pid" | "exit">;

/** What is to be done at the end; `report` is synchronous. */
export type AtExit = { readonly shutdown: () => Promise<void>; readonly report: () => void };

/**
 * Runs `shutdown` once when the process ends, and changes nothing of how it ends: after a signal that only this listens
 * to, the signal is raised again; at an empty event loop the process ends as soon as `shutdown`, which must be
 * bounded in time, is done. A call of `process.exit` waits for nothing, and gets the report only.
 */
export function runAtExit(host: Host, { shutdown, report }: AtExit): void {
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => (ending ??= shutdown());

  host.once("exit", report);
  host.once("beforeExit", () => {
    void end().then(() => {
      // Only an export that hangs may keep the loop alive now, unless somebody else waited for this event too.
      if (host.listenerCount("beforeExit") === 0) host.exit();
    });
  });
  for (const signal of SIGNALS) {
    const onSignal = (): void => {
      const alone = host.listenerCount(signal) === 1;
      void end().then(() => {
        host.off(signal, onSignal);
        if (alone) host.kill(host.pid, signal);
      });
    };
    host.on(signal, onSignal);
  }
}
