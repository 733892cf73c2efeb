import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

/** What the scripted model says: text, or a call of a tool by its full name. */
export type Said =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly name: string; readonly input: Readonly<Record<string, unknown>> };

/** Tokens that an answer states as used. */
export type Usage = { readonly input_tokens: number; readonly output_tokens: number };

/** One answer to one request. Retries and a second try without streaming take a turn each. */
export type Turn =
  | { readonly say: readonly Said[]; readonly usage?: Usage; readonly stopReason?: string }
  /** An error of the API: 401, 429, 529 and the like. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** A body that is no answer at all, with status 200. */
  | { readonly raw: string }
  /** The connection breaks before the headers, or after part of the answer. */
  | { readonly cut: "before" | "mid" }
  /** No answer; the connection stays open until the client or the server closes it. */
  | { readonly hang: true };

/** A turn, or one that follows from what was asked. */
export type ScriptedTurn = Turn | ((request: MessagesRequest) => Turn);

/** Body of `POST /v1/messages`, as far as tests read it. */
export type MessagesBody = {
  readonly model: string;
  readonly stream?: boolean;
  readonly system?: unknown;
  readonly tools?: readonly { readonly name: string; readonly description?: string; readonly input_schema?: unknown }[];
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
};

/** A block of a message. */
export type Block = { readonly type: string } & Readonly<Record<string, unknown>>;

/** A request as it came. */
export type MessagesRequest = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: MessagesBody;
  readonly bytes: number;
};

/** A scripted Messages API that listens on this machine. */
export type MessagesApi = AsyncDisposable & {
  readonly url: string;
  /** Requests for messages in the order they came, those with a wrong key included. */
  readonly requests: readonly MessagesRequest[];
  /** Turns that nobody asked for. */
  readonly left: () => number;
  /** What a test should look at if it fails: unknown paths, wrong keys, requests beyond the script. */
  readonly faults: readonly string[];
};

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

/** Starts the API: it accepts `key` only, and answers the n-th request for a message with the n-th turn. */
export async function startMessagesApi(options: {
  readonly key: string;
  readonly script: readonly ScriptedTurn[];
}): Promise<MessagesApi> {
  const state: State = { ...options, requests: [], faults: [], next: 0 };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => {
      state.faults.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: state.requests,
    faults: state.faults,
    left: () => Math.max(0, state.script.length - state.next),
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Results of tools that a request brings back, by the name of the tool that was called. */
export function toolResults(request: MessagesRequest): readonly { name: string; text: string; isError: boolean }[] {
  const blocks = request.body.messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
  const names = new Map(blocks.filter(({ type }) => type === "tool_use").map(({ id, name }) => [id, String(name)]));
  return blocks
    .filter(({ type }) => type === "tool_result")
    .map(({ tool_use_id: id, content, is_error: error }) => ({
      name: names.get(id) ?? "",
      text: typeof content === "string" ? content : (content as Block[]).map(({ text }) => String(text)).join("\n"),
      isError: error === true,
    }));
}

type State = {
  readonly key: string;
  readonly script: readonly ScriptedTurn[];
  readonly requests: MessagesRequest[];
  readonly faults: string[];
  next: number;
};

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "POST" && pathname === "/v1/messages/count_tokens") {
    return sendJson(response, 200, { input_tokens: Math.ceil(text.length / 4) });
  }
  if (request.method !== "POST" || pathname !== "/v1/messages") {
    state.faults.push(`${request.method} ${pathname}`);
    return sendError(response, { status: 404 });
  }
  const asked = {
    path: pathname,
    headers: request.headers,
    body: JSON.parse(text) as MessagesBody,
    bytes: text.length,
  };
  state.requests.push(asked);
  if (request.headers["x-api-key"] !== state.key) {
    state.faults.push("a request with another key");
    return sendError(response, { status: 401 });
  }
  await play(turnOf(state, asked), asked, response);
}

function turnOf(state: State, asked: MessagesRequest): Turn {
  const turn = state.script[state.next++];
  if (turn === undefined) {
    state.faults.push(`request ${state.next} is beyond the script of ${state.script.length} turns`);
    return { status: 400 };
  }
  return typeof turn === "function" ? turn(asked) : turn;
}

async function play(turn: Turn, asked: MessagesRequest, response: ServerResponse): Promise<void> {
  if ("hang" in turn) return;
  if ("status" in turn) return sendError(response, turn);
  if ("raw" in turn) return void response.writeHead(200, { "content-type": "text/event-stream" }).end(turn.raw);
  if ("cut" in turn && turn.cut === "before") return void response.socket?.destroy();
  const said: Extract<Turn, { say: unknown }> = "say" in turn ? turn : { say: [{ type: "text", text: "half an ans" }] };
  const message = messageOf(said, asked.body.model);
  if (asked.body.stream !== true) return sendJson(response, 200, message);
  response.writeHead(200, { "content-type": "text/event-stream", "request-id": `req_${message.id}` });
  const events = eventsOf(message);
  const half = "cut" in turn;
  for (const event of half ? events.slice(0, 4) : events) {
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  if (!half) return void response.end();
  await nextTurn(); // so that the first half leaves before the connection breaks
  response.socket?.destroy();
}

type Message = ReturnType<typeof messageOf>;

let ids = 0;

function messageOf({ say, usage, stopReason }: Extract<Turn, { say: unknown }>, model: string) {
  const content = say.map((block): Block => {
    return block.type === "text" ? { ...block } : { ...block, id: `toolu_${String(++ids).padStart(20, "0")}` };
  });
  const calls = say.some(({ type }) => type === "tool_use");
  return {
    id: `msg_${String(++ids).padStart(20, "0")}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: stopReason ?? (calls ? "tool_use" : "end_turn"),
    stop_sequence: null,
    usage: {
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      ...(usage ?? { input_tokens: 100, output_tokens: 10 }),
    },
  };
}

function eventsOf(message: Message): ({ type: string } & Record<string, unknown>)[] {
  const { content, stop_reason, usage } = message;
  const started = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  return [
    { type: "message_start", message: started },
    { type: "ping" },
    ...content.flatMap((block, index) => [
      { type: "content_block_start", index, content_block: emptied(block) },
      ...deltas(block).map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: "message_stop" },
  ];
}

function emptied(block: Block): Block {
  return block.type === "text" ? { type: "text", text: "" } : { ...block, input: {} };
}

/** In two pieces, as a real answer comes in many. */
function deltas(block: Block): Record<string, string>[] {
  const whole = block.type === "text" ? String(block["text"]) : JSON.stringify(block["input"]);
  const middle = Math.floor(whole.length / 2);
  const pieces = [whole.slice(0, middle), whole.slice(middle)];
  return pieces.map((piece) =>
    block.type === "text" ? { type: "text_delta", text: piece } : { type: "input_json_delta", partial_json: piece },
  );
}

function sendError(
  response: ServerResponse,
  turn: { status: number; headers?: Readonly<Record<string, string>> },
): void {
  const type = ERROR_TYPES[turn.status] ?? "api_error";
  for (const [name, value] of Object.entries(turn.headers ?? {})) response.setHeader(name, value);
  sendJson(response, turn.status, { type: "error", error: { type, message: `scripted ${turn.status}` } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
