import { playClient } from "../capture/play-client.ts";
import { launchServer, type ServerCommand } from "../capture/server-process.ts";
import type { ShadowPeer } from "../capture/mirror.ts";
import { startShadow, type Shadow } from "../capture/shadow.ts";
import { messageOf } from "../model/error.ts";
import type { Clock } from "../model/time.ts";
import { reportShadow, type ShadowReport } from "./shadow-report.ts";

/** Which servers are called again, and which tools. */
export type ShadowSetup = {
  readonly candidate: readonly string[];
  readonly baseline: readonly string[];
  readonly place: Pick<ServerCommand, "cwd" | "env">;
  readonly allow: readonly string[];
  readonly clock: Clock;
  /** Limit of the handshake and of each call, ms. */
  readonly timeoutMs: number;
};

/** A shadow with its processes, which start at the first call that is made again. Disposing it ends them. */
export type RunningShadow = AsyncDisposable & Pick<Shadow, "watch"> & { readonly finish: () => Promise<ShadowReport> };

/** Opens a shadow beside a session on stdio. */
export function openShadow(setup: ShadowSetup): RunningShadow {
  const processes = new AsyncDisposableStack();
  const peer = (command: readonly string[]): ShadowPeer => lazily(() => connect(command, { setup, processes }));
  const shadow = startShadow({
    allow: setup.allow,
    candidate: peer(setup.candidate),
    reference: peer(setup.baseline),
    clock: setup.clock,
  });
  return {
    watch: shadow.watch,
    finish: async () => reportShadow(await shadow.finish()),
    [Symbol.asyncDispose]: () => processes.disposeAsync(),
  };
}

/** Starts at the first call; a server that does not start answers every call with `transport`. */
function lazily(start: () => Promise<ShadowPeer>): ShadowPeer {
  let started: Promise<ShadowPeer> | undefined;
  return async (call, key) => {
    started ??= start().catch((error: unknown): ShadowPeer => {
      const result = { message: messageOf(error) };
      return (one, its) =>
        Promise.resolve({ key: its, tool: one.tool, durationMs: 0, status: "transport" as const, result });
    });
    return (await started)(call, key);
  };
}

type Connecting = { readonly setup: ShadowSetup; readonly processes: AsyncDisposableStack };

async function connect(command: readonly string[], { setup, processes }: Connecting): Promise<ShadowPeer> {
  const { clock, place, timeoutMs } = setup;
  const server = processes.use(await launchServer({ ...place, command }));
  const client = playClient(clock);
  // The stack runs backwards: the client first, then its server.
  processes.defer(() => client.close());
  client.peer.input.pipe(server.stdin);
  server.stdout.pipe(client.peer.output);
  // A server that is gone shows in the calls, which end as `transport`.
  server.stdin.on("error", () => undefined);
  void server.exited.then(() => client.close());
  await client.connect(timeoutMs);
  return (call, key) => client.call(call, key, timeoutMs);
}
