import { diag } from "@opentelemetry/api";
import type { Json } from "../model/json.ts";
import { CONTENT_BYTES, redactor } from "../protect/redact.ts";
import { rounds } from "../capture/rounds.ts";
import { guardSteps } from "./guard.ts";
import { patchProtocol } from "./patch.ts";
import { apiTelemetry, type Telemetry } from "./telemetry.ts";
import { transportWatcher } from "./watch.ts";

/** What is recorded, and how. */
export type InstrumentationOptions = {
  /** Record arguments, prompt variables and results; default false, since they may hold anything. */
  readonly captureContent?: boolean | undefined;
  /** Bytes of JSON above which recorded content is cut, and says so; default 8192. */
  readonly contentLimit?: number | undefined;
  /** The host's look at content; what it returns is redacted by the built-in rules before it is recorded. */
  readonly redact?: ((value: Json) => Json) | undefined;
  /**
   * Where an `execute_tool` span of another instrumentation already covers a call, add the MCP attributes to it instead
   * of making a second span; default true.
   */
  readonly joinToolSpans?: boolean | undefined;
  /** Where spans and metrics go; default: the global OpenTelemetry API. */
  readonly telemetry?: Telemetry | undefined;
};

/** The instrumentation of MCP SDK classes. Nothing in it throws into the host. */
export type Instrumentation = {
  /**
   * Instruments a class of `@modelcontextprotocol/sdk` 1.x, `@modelcontextprotocol/server` or `/client` 2.x: `Protocol`,
   * `Client` or `Server`. False when the value is no such class, or already instrumented.
   */
  readonly patch: (protocolClass: unknown) => boolean;
  /** Follows one transport, for an SDK that a bundler has made unreachable. Call it before `connect`. */
  readonly watch: (transport: unknown) => void;
  /** Takes all patches back; transports that are already watched stay so. */
  readonly unpatch: () => void;
  /** Ends what is open, and the sessions, as at the end of the process. */
  readonly close: () => void;
  /** Faults of the instrumentation itself by step; empty unless something is broken. */
  readonly faults: () => Readonly<Record<string, number>>;
};

/** Makes an instrumentation; it does nothing until classes are patched or transports watched. */
export function createInstrumentation(options: InstrumentationOptions = {}): Instrumentation {
  const guard = guardSteps((step, error) => diag.warn(`whetstone: the instrumentation failed at "${step}".`, error));
  const { captureContent = false, contentLimit = CONTENT_BYTES, redact } = options;
  const watcher = transportWatcher({
    telemetry: options.telemetry ?? apiTelemetry(),
    guard,
    content: captureContent ? { redactor: redactor({ maxBytes: contentLimit }), redact } : undefined,
    joinToolSpans: options.joinToolSpans ?? true,
    rounds: rounds(),
  });
  const undo: (() => void)[] = [];
  return {
    patch: (protocolClass) => {
      const unpatch = guard.attempt("patch", () => patchProtocol(protocolClass, watcher), undefined);
      if (unpatch !== undefined) undo.push(unpatch);
      return unpatch !== undefined;
    },
    watch: watcher.watch,
    unpatch: () => {
      for (const step of undo.splice(0).reverse()) guard.attempt("unpatch", step, undefined);
    },
    close: watcher.closeAll,
    faults: guard.faults,
  };
}
