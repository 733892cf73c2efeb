import type { Arm } from "../../model/call.ts";
import type { Span } from "../../model/span.ts";
import type { Clock } from "../../model/time.ts";
import type { SpanIdentity } from "../exchange.ts";
import { mcpSpans, type McpSpans } from "../mcp-spans.ts";
import { rounds } from "../rounds.ts";
import type { RandomBytes } from "../trace-context.ts";
import type { ArmServer } from "./arms.ts";
import type { Counts } from "./counts.ts";
import type { HttpShadow, ShadowEar } from "./shadow.ts";

/** Messages that belong together: those of a session, or of one request on the stateless wire. */
export type Scope = {
  readonly spans: McpSpans;
  readonly server: ArmServer;
  /** Where calls are made again: told of every request before its messages are accepted. */
  readonly ear: ShadowEar | undefined;
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
  /** Where calls that only read are made again. */
  readonly shadow?: HttpShadow | undefined;
};

/** Opens scopes. What a server says of its version holds for all of its scopes. */
export function scopes(options: ScopeOptions): (server: ArmServer) => Scope {
  const known = rounds();
  return (server) => {
    const identity = mutableIdentity(options, server);
    const ear = options.shadow?.listen();
    const own = mcpSpans({
      identity,
      clock: options.clock,
      random: options.random,
      captureContent: options.captureContent,
      injectContext: options.injectContext,
      onSpan: options.onSpan,
      rounds: known,
      reported: server.reported,
    });
    const spans: McpSpans = ear === undefined ? own : { ...own, accept: overheard(own.accept, ear) };
    let faults = 0;
    return {
      spans,
      server,
      ear,
      get session() {
        return identity.session;
      },
      set session(id) {
        identity.session = id;
      },
      close: () => {
        spans.close();
        ear?.close();
        options.counts.faults += spans.faults() - faults;
        faults = spans.faults();
      },
    };
  };
}

/** Hands over what was read already; the work on it is done later. */
function overheard(accept: McpSpans["accept"], ear: ShadowEar): McpSpans["accept"] {
  return (direction, line, wire) => {
    if ("messages" in line) ear.hear(direction === "to-server" ? "client" : "server", line);
    return accept(direction, line, wire);
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
