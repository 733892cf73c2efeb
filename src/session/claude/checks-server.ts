import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { messageOf } from "../../model/error.ts";
import { bodyOf, sameSecret } from "./local-http.ts";
import type { LocalServer } from "./recipe.ts";

/** What a check said: `exitCode` null when it was ended; `output` is the end of it. */
export type CheckResult = {
  readonly name: string;
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly output: string;
};

/** What the server offers. */
export type ChecksServerOptions = {
  /** Names of the target's checks, for the tool's description. */
  readonly names: readonly string[];
  /** Runs all checks on the files as they are now, up to the first that fails. */
  readonly run: (signal: AbortSignal) => Promise<readonly CheckResult[]>;
  /** Known to the session alone. */
  readonly token: string;
};

/** Revisions of the Model Context Protocol that it speaks; the newest is offered for another one. */
const REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25"];
const LARGEST_BODY_BYTES = 1024 * 1024;
const NAME = "checks";
const TOOL = "run_checks";

const Message = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});
type Message = z.infer<typeof Message>;

/**
 * An MCP server (Streamable HTTP, one answer per request) on 127.0.0.1 with one tool: it runs the target's checks, which
 * are fixed before the session starts; the session gives no command and no argument. A call that is given up, by the
 * session or at its end, ends what it started; when the server is disposed, none of it is left.
 */
export async function openChecksServer(options: ChecksServerOptions): Promise<LocalServer & AsyncDisposable> {
  const ended = new AbortController();
  const calls = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([ended.signal, gone.signal]);
    const call = answer(options, { request, response, signal }).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(messageOf(error));
    });
    calls.add(call);
    void call.finally(() => calls.delete(call));
  });
  await new Promise<void>((done, fail) => server.once("error", fail).listen(0, "127.0.0.1", done));
  return {
    name: NAME,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    authorization: `Bearer ${options.token}`,
    tools: [TOOL],
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await Promise.all([closed, ...calls]);
    },
  };
}

type Asked = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly signal: AbortSignal };

async function answer(options: ChecksServerOptions, { request, response, signal }: Asked): Promise<void> {
  if (!sameSecret(request.headers.authorization ?? "", `Bearer ${options.token}`))
    return void response.writeHead(401).end();
  if (request.method !== "POST") return void response.writeHead(405, { allow: "POST" }).end();
  const message = await messageOfBody(request);
  if (message === undefined) return void response.writeHead(400).end();
  if (message.id === undefined) return void response.writeHead(202).end();
  const reply = await replyTo(options, message, signal);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, ...reply }));
}

async function messageOfBody(request: IncomingMessage): Promise<Message | undefined> {
  const body = await bodyOf(request, LARGEST_BODY_BYTES);
  if (body === undefined) return undefined;
  try {
    return Message.safeParse(JSON.parse(body.toString("utf8"))).data;
  } catch {
    return undefined; // answered as a bad request
  }
}

type Reply = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } };

async function replyTo(options: ChecksServerOptions, message: Message, signal: AbortSignal): Promise<Reply> {
  const { method, params } = message;
  switch (method) {
    case "initialize":
      return { result: greeting(params?.["protocolVersion"]) };
    case "ping":
      return { result: {} };
    case "tools/list":
      return { result: { tools: [toolOf(options.names)] } };
    case "tools/call":
      if (params?.["name"] === TOOL) return { result: await call(options, signal) };
      return { error: { code: -32_602, message: "There is no such tool." } };
    default:
      return { error: { code: -32_601, message: "There is no such method." } };
  }
}

function greeting(asked: unknown): unknown {
  const protocolVersion = REVISIONS.find((revision) => revision === asked) ?? REVISIONS.at(-1);
  return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: NAME, version: "1" } };
}

function toolOf(names: readonly string[]): unknown {
  const which = names.length === 0 ? "It has none." : `They are: ${names.join(", ")}.`;
  const description =
    `Runs the target's own checks on the files as they are now, in a copy, without network. ${which} ` +
    "They end at the first that fails.";
  return { name: TOOL, description, inputSchema: { type: "object", properties: {}, additionalProperties: false } };
}

async function call({ run }: ChecksServerOptions, signal: AbortSignal): Promise<unknown> {
  const checks = await run(signal);
  const failed = checks.some(({ exitCode }) => exitCode !== 0);
  return { content: [{ type: "text", text: JSON.stringify({ passed: !failed, checks }) }] };
}
