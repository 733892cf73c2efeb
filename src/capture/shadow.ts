/**
 * Shadow mode: calls that only read are made again on a candidate, beside the traffic, and on a second process of the
 * baseline, which shows what differs by itself. Nobody gets these answers; the client's own call has been answered before.
 */
import type { Readable } from "node:stream";
import type { CallResult, WorkloadCall } from "../model/call.ts";
import { Json } from "../model/json.ts";
import type { Clock } from "../model/time.ts";
import { lineFramer, type Piece } from "./framing.ts";
import { isObject, readMessages, type RpcMessage } from "./jsonrpc.ts";
import { isToolError } from "./mcp-status.ts";

/** Makes a call on another process; never rejects. */
export type ShadowPeer = (call: WorkloadCall, key: string) => Promise<CallResult>;

/** What the shadow works with. */
export type ShadowOptions = {
  /** Tools that may be called again, by name, if the server also says that they only read (`readOnlyHint`). */
  readonly allow: readonly string[];
  readonly candidate: ShadowPeer;
  readonly reference: ShadowPeer;
  readonly clock: Clock;
  readonly limits?: Partial<ShadowLimits> | undefined;
};

/** What the shadow may hold; what is beyond is not called again, and counted. */
export type ShadowLimits = {
  /** Calls that wait to be made again. */
  readonly waiting: number;
  /** Calls that are compared, and the size of their baseline's answers, UTF-16 code units. */
  readonly calls: number;
  readonly answerLength: number;
};

export const SHADOW_LIMITS: ShadowLimits = { waiting: 100, calls: 5_000, answerLength: 64 * 1024 * 1024 };

/** One call and its three answers. */
export type ShadowTriple = Readonly<Record<"baseline" | "candidate" | "reference", CallResult>>;

/** What was called again, and why the rest was not. */
export type ShadowRecord = {
  readonly triples: readonly ShadowTriple[];
  readonly skipped: {
    /** The server does not say that the tool only reads. */
    readonly notReadOnly: number;
    /** The tool is not on the list. */
    readonly notAllowed: number;
    /** Beyond the limits. */
    readonly dropped: number;
  };
};

/** A running shadow. */
export type Shadow = {
  /** Reads along: what the client says, and what the server answers. The streams are read by somebody else too. */
  readonly watch: (streams: { readonly client: Readable; readonly server: Readable }) => void;
  /** Resolves once every call that was taken has been made again. */
  readonly finish: () => Promise<ShadowRecord>;
};

type Open = { readonly call: WorkloadCall; readonly beganMs: number };

type State = {
  readonly options: ShadowOptions;
  readonly limits: ShadowLimits;
  /** What the server says of its tools: they only read. */
  readonly readOnly: Map<string, boolean>;
  readonly open: Map<string, Open>;
  readonly lists: Set<string>;
  readonly triples: ShadowTriple[];
  readonly skipped: { notReadOnly: number; notAllowed: number; dropped: number };
  waiting: number;
  taken: number;
  answerLength: number;
  work: Promise<void>;
};

/** Starts a shadow; it calls nothing before the traffic shows a call to be made again. */
export function startShadow(options: ShadowOptions): Shadow {
  const state: State = {
    options,
    limits: { ...SHADOW_LIMITS, ...options.limits },
    readOnly: new Map(),
    open: new Map(),
    lists: new Set(),
    triples: [],
    skipped: { notReadOnly: 0, notAllowed: 0, dropped: 0 },
    waiting: 0,
    taken: 0,
    answerLength: 0,
    work: Promise.resolve(),
  };
  return {
    watch: ({ client, server }) => {
      readAlong(client, (message) => noteRequest(state, message));
      readAlong(server, (message) => noteAnswer(state, message));
    },
    finish: async () => {
      await state.work;
      return { triples: state.triples, skipped: { ...state.skipped } };
    },
  };
}

function readAlong(stream: Readable, note: (message: RpcMessage) => void): void {
  const framer = lineFramer();
  const read = (pieces: readonly Piece[]): void => {
    for (const { bytes, whole } of pieces) {
      if (!whole) continue;
      for (const { message } of readMessages(Buffer.from(bytes).toString("utf8"))) note(message);
    }
  };
  stream.on("data", (chunk: Uint8Array) => read(framer.push(chunk)));
}

function noteRequest({ options, open, lists }: State, message: RpcMessage): void {
  if (message.kind !== "request") return;
  if (message.method === "tools/list") lists.add(message.id);
  if (message.method !== "tools/call") return;
  const { name, arguments: given = {} } = message.params;
  const args = isObject(given) ? Json.safeParse(given) : undefined;
  if (typeof name !== "string" || name === "" || args?.success !== true || !isObject(args.data)) return;
  const call = { tool: name, arguments: args.data as WorkloadCall["arguments"] };
  open.set(message.id, { call, beganMs: options.clock.monotonicMs() });
}

function noteAnswer(state: State, message: RpcMessage): void {
  if (message.kind !== "result" && message.kind !== "error") return;
  if (state.lists.delete(message.id)) {
    if (message.kind === "result") noteTools(state, message.result);
    return;
  }
  const asked = state.open.get(message.id);
  if (asked === undefined) return;
  state.open.delete(message.id);
  const durationMs = Math.max(0, state.options.clock.monotonicMs() - asked.beganMs);
  take(state, asked.call, { durationMs, ...answerOf(message) });
}

function noteTools({ readOnly }: State, result: unknown): void {
  const tools = isObject(result) && Array.isArray(result["tools"]) ? result["tools"] : [];
  for (const tool of tools) {
    if (!isObject(tool) || typeof tool["name"] !== "string") continue;
    const { annotations } = tool;
    readOnly.set(tool["name"], isObject(annotations) && annotations["readOnlyHint"] === true);
  }
}

function answerOf(message: RpcMessage & { kind: "result" | "error" }): Pick<CallResult, "status" | "result"> {
  if (message.kind === "error") {
    return { status: "rpc_error", result: { code: message.code ?? null, message: message.message } };
  }
  const result = Json.safeParse(message.result);
  return { status: isToolError(message.result) ? "tool_error" : "ok", result: result.success ? result.data : null };
}

function take(state: State, call: WorkloadCall, answer: Omit<CallResult, "key" | "tool">): void {
  const { options, limits, skipped } = state;
  if (!options.allow.includes(call.tool)) return void (skipped.notAllowed += 1);
  if (state.readOnly.get(call.tool) !== true) return void (skipped.notReadOnly += 1);
  const length = JSON.stringify(answer.result).length;
  const isFull = state.taken >= limits.calls || state.answerLength + length > limits.answerLength;
  if (isFull || state.waiting >= limits.waiting) return void (skipped.dropped += 1);
  state.taken += 1;
  state.waiting += 1;
  state.answerLength += length;
  const key = `shadow/${state.taken}`;
  // In turns, so that neither always meets a server that was just woken by the other's call.
  const isCandidateFirst = state.taken % 2 === 0;
  state.work = state.work.then(async () => {
    const again = await callBoth(options, { call, key, isCandidateFirst });
    state.triples.push({ baseline: { key, tool: call.tool, ...answer }, ...again });
    state.waiting -= 1;
  });
}

type Again = { readonly call: WorkloadCall; readonly key: string; readonly isCandidateFirst: boolean };

async function callBoth(
  options: ShadowOptions,
  { call, key, isCandidateFirst }: Again,
): Promise<Omit<ShadowTriple, "baseline">> {
  if (isCandidateFirst) {
    const candidate = await options.candidate(call, key);
    return { candidate, reference: await options.reference(call, key) };
  }
  const reference = await options.reference(call, key);
  return { reference, candidate: await options.candidate(call, key) };
}
