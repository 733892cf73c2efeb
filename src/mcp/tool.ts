import type { z } from "zod";
import type { Objective } from "../analyze/slo/objective.ts";
import type { Permission } from "../model/role.ts";
import type { Clock } from "../model/time.ts";
import type { Store } from "../store/store.ts";
import type { ExecParts } from "./exec/capture.ts";
import type { ShownIds } from "./shown-ids.ts";
import type { Envelope } from "./budget.ts";
import { cursorsOf, parseArguments } from "./parse-arguments.ts";

/** Groups of tools that a server can be started with. */
export const TOOLSETS = ["traces", "specs", "analysis", "sessions", "metrics"] as const;
export type Toolset = (typeof TOOLSETS)[number];

/** What the tools of a server share. */
export type ServerParts = {
  readonly clock: Clock;
  /**
   * Spans and documents, opened at the first use. Reading does not create one.
   * @throws WhetstoneError `not_found` when there is none, `store_open_failed`
   */
  readonly store: (use: "read" | "write") => Promise<Store>;
  /** An id that sorts by time: `d-20261120T104512Z-3f9a1c`. */
  readonly newId: (prefix: string) => string;
  /** What running commands needs; absent where they are not allowed. */
  readonly exec?: ExecParts;
  /** Trace ids that answers have shown. */
  readonly ids: ShownIds;
  /** The objectives of `whetstone.yaml`. @throws WhetstoneError `config_invalid`, `usage` where there is none */
  readonly objectives: () => Promise<readonly Objective[]>;
};

/** What one call works with. */
export type ToolContext = ServerParts & {
  /** Aborts when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Tells the client how far a long call is; nothing happens when it did not ask. */
  readonly progress: (done: number, message: string, total?: number) => void;
};

/** How a tool acts, in MCP's words. */
export type ToolEffects = {
  readonly readOnly: boolean;
  /** Whether it may destroy something; only asked of tools that write. */
  readonly destructive?: boolean;
  /** Whether calling it twice does what calling it once does; only asked of tools that write. */
  readonly idempotent?: boolean;
  /** Whether it reaches beyond the store. */
  readonly openWorld?: boolean;
};

/** A tool as its file declares it. */
export type ToolDeclaration<Input extends z.ZodObject, Output extends z.ZodObject> = {
  readonly name: string;
  /** Another name that it goes by, registered only on demand. */
  readonly alias?: string;
  readonly title: string;
  /** For a model: what it answers, what it needs, what it cannot do. */
  readonly description: string;
  readonly toolset: Toolset;
  readonly effects: ToolEffects;
  /** What a caller's role must permit; `traces` unless told. */
  readonly needs?: Permission;
  /** Whether it runs commands: offered only where that is allowed, and to developers. */
  readonly runsCommands?: boolean;
  readonly input: Input;
  readonly output: Output;
  /** Answers a call. Errors of a caller are thrown as `WhetstoneError`. */
  readonly run: (args: z.output<Input>, context: ToolContext) => Promise<z.input<Output> & Envelope>;
};

/** A tool of any input and output. */
export type Tool = Omit<ToolDeclaration<z.ZodObject, z.ZodObject>, "run"> & {
  /** Parses the arguments, then answers. @throws WhetstoneError `usage` for arguments that the tool does not take */
  readonly call: (args: unknown, context: ToolContext) => Promise<Record<string, unknown>>;
};

/** Makes a tool of its declaration. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  declaration: ToolDeclaration<Input, Output>,
): Tool {
  const { run, ...rest } = declaration;
  return {
    ...rest,
    call: async (given, context) => {
      const args = parseArguments(rest.input, given);
      if (!("cursor" in rest.input.shape)) return run(args, context);
      const { cursor } = args as { readonly cursor?: string };
      const cursors = cursorsOf(rest.name, args);
      const answer = await run(cursor === undefined ? args : { ...args, cursor: cursors.unbind(cursor) }, context);
      const { nextCursor, tokens } = answer;
      if (nextCursor === undefined) return answer;
      return { ...answer, nextCursor: cursors.bind(nextCursor), tokens: tokens + MARK_TOKENS };
    },
  };
}

/** What the mark of a cursor adds to an answer. */
const MARK_TOKENS = 2;

/** Effects of a tool that only reads the store. */
export const READS: ToolEffects = { readOnly: true, openWorld: false };
