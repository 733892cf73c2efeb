import type { Arm } from "../../model/call.ts";
import type { Span } from "../../model/span.ts";
import type { Clock } from "../../model/time.ts";
import type { SpanIdentity } from "../exchange.ts";
import { mcpSpans, type McpSpans } from "../mcp-spans.ts";
import { rounds } from "../rounds.ts";
import type { RandomBytes } from "../trace-context.ts";
import type { ArmServer } from "./arms.ts";
import type { Counts } from "./counts.ts";

/** Messages that belong together: those of a session, or of one request on the stateless wire. */
export type Scope = {
  readonly spans: McpSpans;
  readonly server: ArmServer;
  /** The session's id, once the upstream has given one. */
  session: string | undefined;
  /** Ends what is open. Repeatable. */
  readonly close: () => void;
};

/** What all scopes of a proxy share. */
export type ScopeOptions = {
  readonly service: string;
  /** `service.instance.id`: one value per process. */
  readonly instance: string;
  /** Traffic is split: spans name their arm. */
  readonly isSplit: boolean;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly captureContent?: boolean | undefined;
  readonly injectContext?: boolean | undefined;
  readonly onSpan: (span: Span) => void;
  readonly counts: Counts;
};

/** Opens scopes. What a server says of its version holds for all of its scopes. */
export function scopes(options: ScopeOptions): (server: ArmServer) => Scope {
  const known = rounds();
  return (server) => {
    const identity = mutableIdentity(options, server);
    const spans = mcpSpans({
      identity,
      clock: options.clock,
      random: options.random,
      captureContent: options.captureContent,
      injectContext: options.injectContext,
      onSpan: options.onSpan,
      rounds: known,
      reported: server.reported,
    });
    let faults = 0;
    return {
      spans,
      server,
      get session() {
        return identity.session;
      },
      set session(id) {
        identity.session = id;
      },
      close: () => {
        spans.close();
        options.counts.faults += spans.faults() - faults;
        faults = spans.faults();
      },
    };
  };
}

/** The session is known only when the answer to `initialize` comes, which its own spans are to state. */
function mutableIdentity(
  { service, instance, isSplit }: ScopeOptions,
  server: ArmServer,
): SpanIdentity & { session: string | undefined } {
  const arm: Arm | undefined = isSplit ? server.arm : undefined;
  return { service, instance, arm, version: server.version, session: undefined };
}
