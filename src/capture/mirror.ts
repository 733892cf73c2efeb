/**
 * Shadow mode: calls that only read are made again on a candidate, beside the traffic, and on the baseline, which shows
 * what differs by itself. Nobody gets these answers; the client's own call has been answered before. One call at a time
 * is made again; what comes meanwhile waits up to a limit, and what is beyond is counted and forgotten, so that a candidate
 * that hangs, fails or floods costs the traffic nothing but memory within the limits.
 */
import type { CallResult, WorkloadCall } from "../model/call.ts";
import { Json } from "../model/json.ts";
import { isObject, type JsonObject, type RpcMessage } from "./jsonrpc.ts";
import { isToolError } from "./mcp-status.ts";

/** A call as it is made again. `params`: all that the client sent with it. */
export type ShadowCall = WorkloadCall & { readonly params: JsonObject };

/** Makes a call on another server; never rejects. */
export type ShadowPeer = (call: ShadowCall, key: string) => Promise<CallResult>;

/** The two servers that calls of one client are made again on. */
export type ShadowPeers = { readonly candidate: ShadowPeer; readonly reference: ShadowPeer };

/** What a mirror works with. */
export type MirrorOptions = {
  /** Tools that may be called again, by name, if the server also says that they only read (`readOnlyHint`). */
  readonly allow: readonly string[];
  readonly limits?: Partial<ShadowLimits> | undefined;
};

/** What the shadow may hold; what is beyond is not called again, and counted. */
export type ShadowLimits = {
  /** Calls that wait to be made again. */
  readonly waiting: number;
  /** Calls that are compared, and the size of all their answers, UTF-16 code units. */
  readonly calls: number;
  readonly answerLength: number;
  /** Size of a message of the client's talk that is looked at, bytes. */
  readonly messageBytes: number;
};

export const SHADOW_LIMITS: ShadowLimits = {
  waiting: 100,
  calls: 5_000,
  answerLength: 64 * 1024 * 1024,
  messageBytes: 1024 * 1024,
};

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

/** A message of a client's talk with its server. `atMs`: when it came, monotonic ms; `bytes`: its size. */
export type Heard = {
  readonly from: "client" | "server";
  readonly message: RpcMessage;
  readonly atMs: number;
  readonly bytes: number;
};

/** Makes calls again for any number of clients. */
export type Mirror = {
  /** Begins to listen to one client. What is returned takes its messages, in order. */
  readonly converse: (peers: ShadowPeers) => (heard: Heard) => void;
  /** What was found up to now. */
  readonly record: () => ShadowRecord;
  /** Counts a message that was lost before it could be looked at. */
  readonly drop: () => void;
  /** Resolves once the calls that have been taken up to now are over. */
  readonly idle: () => Promise<void>;
  /** Resolves once every call that was taken has been made again, at the latest after `patienceMs`; the rest is dropped. */
  readonly finish: (patienceMs: number) => Promise<ShadowRecord>;
};

/** Open requests of one client that are remembered. */
const OPEN = 1_000;

type Open = { readonly call: ShadowCall; readonly atMs: number };

type State = {
  readonly allow: readonly string[];
  readonly limits: ShadowLimits;
  /** What the server says of its tools: they only read. */
  readonly readOnly: Map<string, boolean>;
  readonly triples: ShadowTriple[];
  readonly skipped: { notReadOnly: number; notAllowed: number; dropped: number };
  waiting: number;
  taken: number;
  answerLength: number;
  isOver: boolean;
  work: Promise<void>;
};

type Talk = { readonly peers: ShadowPeers; readonly open: Map<string, Open>; readonly lists: Set<string> };

/** Opens a mirror; it calls nothing before the traffic shows a call to be made again. */
export function openMirror({ allow, limits }: MirrorOptions): Mirror {
  const state: State = {
    allow,
    limits: { ...SHADOW_LIMITS, ...limits },
    readOnly: new Map(),
    triples: [],
    skipped: { notReadOnly: 0, notAllowed: 0, dropped: 0 },
    waiting: 0,
    taken: 0,
    answerLength: 0,
    isOver: false,
    work: Promise.resolve(),
  };
  const record = (): ShadowRecord => ({ triples: [...state.triples], skipped: { ...state.skipped } });
  return {
    converse: (peers) => {
      const talk: Talk = { peers, open: new Map(), lists: new Set() };
      return (heard) => (heard.from === "client" ? noteRequest(state, talk, heard) : noteAnswer(state, talk, heard));
    },
    record,
    drop: () => void (state.skipped.dropped += 1),
    idle: () => state.work,
    finish: async (patienceMs) => {
      await Promise.race([state.work, patience(state, patienceMs)]);
      return record();
    },
  };
}

/** Nothing is begun any more after the time, and what waited counts as dropped. */
function patience(state: State, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      state.isOver = true;
      state.skipped.dropped += state.waiting;
      state.waiting = 0;
      resolve();
    }, ms);
    void state.work.then(() => clearTimeout(timer));
  });
}

function noteRequest(state: State, { open, lists }: Talk, { message, atMs, bytes }: Heard): void {
  if (message.kind !== "request") return;
  if (message.method === "tools/list") lists.add(message.id);
  if (message.method !== "tools/call") return;
  const { params } = message;
  const { name, arguments: given = {} } = params;
  if (typeof name !== "string" || name === "") return;
  if (bytes > state.limits.messageBytes || open.size >= OPEN) return void (state.skipped.dropped += 1);
  const args = isObject(given) ? Json.safeParse(given) : undefined;
  // A round in which a person has answered something is that person's, and is not made again.
  if (args?.success !== true || !isObject(args.data) || "inputResponses" in params) return;
  open.set(message.id, { call: { tool: name, arguments: args.data as WorkloadCall["arguments"], params }, atMs });
}

function noteAnswer(state: State, talk: Talk, { message, atMs, bytes }: Heard): void {
  if (message.kind !== "result" && message.kind !== "error") return;
  if (talk.lists.delete(message.id)) {
    if (message.kind === "result") noteTools(state, message.result);
    return;
  }
  const asked = talk.open.get(message.id);
  if (asked === undefined) return;
  talk.open.delete(message.id);
  const reason = refusal(state, asked.call, bytes);
  if (reason !== undefined) return void (state.skipped[reason] += 1);
  take(state, { talk, call: asked.call }, { durationMs: Math.max(0, atMs - asked.atMs), ...answerOf(message) });
}

function noteTools({ readOnly }: State, result: unknown): void {
  const tools = isObject(result) && Array.isArray(result["tools"]) ? result["tools"] : [];
  for (const tool of tools) {
    if (!isObject(tool) || typeof tool["name"] !== "string") continue;
    const { annotations } = tool;
    readOnly.set(tool["name"], isObject(annotations) && annotations["readOnlyHint"] === true);
  }
}

function refusal(state: State, { tool }: ShadowCall, bytes: number): keyof State["skipped"] | undefined {
  const { allow, limits } = state;
  if (!allow.includes(tool)) return "notAllowed";
  if (state.readOnly.get(tool) !== true) return "notReadOnly";
  const isFull = state.taken >= limits.calls || state.answerLength >= limits.answerLength;
  return isFull || state.isOver || state.waiting >= limits.waiting || bytes > limits.messageBytes
    ? "dropped"
    : undefined;
}

function answerOf(message: RpcMessage & { kind: "result" | "error" }): Pick<CallResult, "status" | "result"> {
  if (message.kind === "error") {
    return { status: "rpc_error", result: { code: message.code ?? null, message: message.message } };
  }
  const result = Json.safeParse(message.result);
  return { status: isToolError(message.result) ? "tool_error" : "ok", result: result.success ? result.data : null };
}

type Taken = { readonly talk: Talk; readonly call: ShadowCall };

function take(state: State, { talk, call }: Taken, answer: Omit<CallResult, "key" | "tool">): void {
  const length = lengthOf(answer);
  if (state.answerLength + length > state.limits.answerLength) return void (state.skipped.dropped += 1);
  state.taken += 1;
  state.waiting += 1;
  state.answerLength += length;
  const key = `shadow/${state.taken}`;
  // In turns, so that neither always meets a server that was just woken by the other's call.
  const isCandidateFirst = state.taken % 2 === 0;
  state.work = state.work.then(async () => {
    if (state.isOver) return;
    const again = await callBoth(talk.peers, { call, key, isCandidateFirst });
    if (state.isOver) return;
    state.waiting -= 1;
    keep(state, { baseline: { key, tool: call.tool, ...answer }, ...again }, length);
  });
}

/** What the candidate and the reference answered counts as well: a server that floods fills no memory. */
function keep(state: State, triple: ShadowTriple, baselineLength: number): void {
  const length = lengthOf(triple.candidate) + lengthOf(triple.reference);
  if (state.answerLength + length > state.limits.answerLength) {
    state.answerLength -= baselineLength;
    state.skipped.dropped += 1;
    return;
  }
  state.answerLength += length;
  state.triples.push(triple);
}

function lengthOf({ result }: Pick<CallResult, "result">): number {
  return JSON.stringify(result).length;
}

type Again = { readonly call: ShadowCall; readonly key: string; readonly isCandidateFirst: boolean };

async function callBoth(
  peers: ShadowPeers,
  { call, key, isCandidateFirst }: Again,
): Promise<Omit<ShadowTriple, "baseline">> {
  if (isCandidateFirst) {
    const candidate = await peers.candidate(call, key);
    return { candidate, reference: await peers.reference(call, key) };
  }
  const reference = await peers.reference(call, key);
  return { reference, candidate: await peers.candidate(call, key) };
}
