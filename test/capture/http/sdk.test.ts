import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, test } from "@jest/globals";
import { listening, proxyBefore } from "./parts.ts";
import { twoWires } from "./fixtures/two-wires.ts";

/** What a client saw, in the order in which it saw it. */
type Transcript = unknown[];

/** A transcript without the contexts that the proxy wrote into what the server sent. */
function withoutContext(transcript: Transcript): unknown {
  const text = JSON.stringify(transcript, (key, value: unknown) => (key === "traceparent" ? undefined : value));
  return JSON.parse(text.replaceAll('"_meta":{},', "").replaceAll(',"_meta":{}', ""));
}

async function legacySession(url: URL): Promise<Transcript> {
  const seen: Transcript = [];
  const client = new Client({ name: "test", version: "1" }, { capabilities: { sampling: {} } });
  const transport = new StreamableHTTPClientTransport(url, {
    reconnectionOptions: {
      initialReconnectionDelay: 10,
      maxReconnectionDelay: 50,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 5,
    },
  });
  const updated = Promise.withResolvers<void>();
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void seen.push(["log", params]));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.resolve();
    expect(params.uri).toBe("test://watched-resource");
  });
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
    seen.push(["sampling", params]);
    return { model: "m", role: "assistant" as const, content: { type: "text" as const, text: "four" } };
  });
  const note = async (what: string, result: Promise<unknown>) => {
    seen.push([
      what,
      await result.then(
        (value) => value,
        (error: Error & { code?: number }) => ["error", error.code, error.message],
      ),
    ]);
  };
  await client.connect(transport);
  seen.push(client.getServerCapabilities(), client.getServerVersion(), transport.protocolVersion);
  await note("tools", client.listTools());
  await note("text", client.callTool({ name: "test_simple_text", arguments: {} }));
  await note("echo", client.callTool({ name: "test_echo", arguments: { value: "ä\u2028 \u{1f600} ".repeat(5_000) } }));
  await note("error", client.callTool({ name: "test_error_handling", arguments: {} }));
  await note("unknown", client.callTool({ name: "no_such_tool", arguments: {} }));
  await note("logging", client.callTool({ name: "test_tool_with_logging", arguments: {} }));
  const onprogress = (progress: unknown) => void seen.push(["progress", progress]);
  await note(
    "progress",
    client.callTool({ name: "test_tool_with_progress", arguments: {} }, undefined, { onprogress }),
  );
  await note("sampling", client.callTool({ name: "test_sampling", arguments: { prompt: "2+2" } }));
  await note("resources", client.listResources());
  await note("binary", client.readResource({ uri: "test://static-binary" }));
  await note("missing", client.readResource({ uri: "test://nowhere" }));
  await note("prompt", client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } }));
  await note(
    "complete",
    client.complete({ ref: { type: "ref/prompt", name: "test_simple_prompt" }, argument: { name: "a", value: "p" } }),
  );
  await note("subscribe", client.subscribeResource({ uri: "test://watched-resource" }));
  await updated.promise;
  await note("reconnection", client.callTool({ name: "test_reconnection", arguments: {} }));
  await note(
    "parallel",
    Promise.all(
      Array.from({ length: 20 }, (_, at) => client.callTool({ name: "test_echo", arguments: { value: String(at) } })),
    ),
  );
  const { sessionId } = transport;
  await transport.terminateSession();
  await client.close();
  const late = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "Mcp-Session-Id": sessionId ?? "",
    },
    body: '{"jsonrpc":"2.0","id":99,"method":"ping"}',
  });
  seen.push(["after DELETE", late.status, await late.text()]);
  return seen;
}

async function modernCalls(url: URL, notify: () => void): Promise<Transcript> {
  const seen: Transcript = [];
  const client = new ModernClient(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } }, capabilities: { elicitation: { form: {} } } },
  );
  const changed = Promise.withResolvers<void>();
  client.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
  client.setRequestHandler("elicitation/create", ({ params }) => {
    seen.push(["elicitation", params]);
    return { action: "accept", content: { confirm: true } };
  });
  const note = async (what: string, result: Promise<unknown>) => {
    seen.push([
      what,
      await result.then(
        (value) => value,
        (error: Error & { code?: number }) => ["error", error.code, error.message],
      ),
    ]);
  };
  await client.connect(new ModernTransport(url));
  await note("discover", client.discover());
  await note("tools", client.listTools());
  await note("text", client.callTool({ name: "test_simple_text", arguments: {} }));
  await note("error", client.callTool({ name: "test_error_handling", arguments: {} }));
  await note("unknown", client.callTool({ name: "no_such_tool", arguments: {} }));
  const onprogress = (progress: unknown) => void seen.push(["progress", progress]);
  await note("progress", client.callTool({ name: "test_tool_with_progress", arguments: {} }, { onprogress }));
  await note("confirm", client.callTool({ name: "test_confirm", arguments: {} }));
  const subscription = await client.listen({ toolsListChanged: true });
  notify();
  await changed.promise;
  await subscription.close();
  await client.close();
  return seen;
}

describe("a client of the SDK sees the same through the proxy as directly", () => {
  test.each([true, false])("on the older wire, every kind of message, with a context %j", async (injectContext) => {
    await using upstream = await listening(twoWires().handler);
    await using proxy = await proxyBefore(upstream, { injectContext });
    const direct = await legacySession(upstream.url);
    const through = await legacySession(new URL(`${proxy.url}/mcp`));
    expect(injectContext ? withoutContext(through) : through).toEqual(direct);
    expect(JSON.stringify(through).includes("traceparent")).toBe(injectContext);
    expect(direct).toHaveLength(28);
    const said = await proxy.stop();
    expect(said).toEqual([]);
    const { openSessions, upstreamFailures, sessions } = proxy.status();
    expect([openSessions, sessions.baseline]).toEqual([0, 1]);
    expect(upstreamFailures).toBe(0);
    const calls = proxy.spans.filter(({ name }) => name.startsWith("tools/call"));
    expect(calls).toHaveLength(2 * 28);
    expect(calls.filter(({ attributes }) => attributes["error.type"] === "transport")).toEqual([]);
    expect(new Set(calls.map(({ attributes }) => attributes["mcp.session.id"])).size).toBe(1);
    expect(proxy.spans.filter(({ name }) => name === "sampling/createMessage").map(({ status }) => status)).toEqual([
      "unset",
      "unset",
    ]);
  });

  test.each([true, false])("on the stateless wire, every kind of message, with a context %j", async (injectContext) => {
    const { handler, notify } = twoWires();
    await using upstream = await listening(handler);
    await using proxy = await proxyBefore(upstream, { injectContext });
    const direct = await modernCalls(upstream.url, notify);
    const through = await modernCalls(new URL(`${proxy.url}/mcp`), notify);
    expect(injectContext ? withoutContext(through) : through).toEqual(direct);
    await proxy.stop();
    const confirms = proxy.spans.filter(({ kind, name }) => kind === "server" && name === "tools/call test_confirm");
    expect(confirms.map(({ links }) => links.length)).toEqual([0, 1]);
    expect(proxy.spans.filter(({ name }) => name === "subscriptions/listen").map(({ status }) => status)).toEqual([
      "unset",
      "unset",
    ]);
    for (const { attributes } of proxy.spans) expect(attributes).not.toHaveProperty(["mcp.session.id"]);
  });
});

test("forty sessions at a time keep their answers apart", async () => {
  await using upstream = await listening(twoWires().handler);
  await using proxy = await proxyBefore(upstream);
  const one = async (name: string) => {
    const client = new Client({ name, version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${proxy.url}/mcp`)));
    const results = await Promise.all(
      [1, 2, 3].map((n) => client.callTool({ name: "test_echo", arguments: { value: `${name}/${n}` } })),
    );
    await client.close();
    return results.map((result) => (result as { content: { text: string }[] }).content[0]?.text);
  };
  const names = Array.from({ length: 40 }, (_, at) => `client-${at}`);
  const results = await Promise.all(names.map(one));
  expect(results).toEqual(names.map((name) => [1, 2, 3].map((n) => `${name}/${n}`)));
  await proxy.stop();
  expect(proxy.spans.filter(({ name }) => name === "tools/call test_echo")).toHaveLength(240);
});
