import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { mcpSpans, type McpSpansOptions } from "../../src/capture/mcp-spans.ts";
import { rounds } from "../../src/capture/rounds.ts";
import { Span } from "../../src/model/span.ts";
import { manualClock } from "../../src/model/time.ts";
import { seededRandom } from "./fixtures/commands.ts";

type Message = Record<string, unknown>;

/** A watched connection with a clock that the test moves. */
function connection(options: Partial<McpSpansOptions> = {}) {
  const clock = manualClock();
  const spans: Span[] = [];
  const identity = { service: "notes", version: "abc", arm: "canary", run: "r1", session: "s1" } as const;
  const watch = mcpSpans({
    identity,
    clock,
    random: seededRandom("x"),
    onSpan: (span) => spans.push(span),
    ...options,
  });
  const encode = (message: Message | string) =>
    new TextEncoder().encode(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
  const pass = (direction: "to-server" | "to-client", message: Message | string, holdMs = 0): string => {
    const { bytes, passed } = watch.accept(direction, encode(message));
    clock.advance(holdMs);
    passed();
    return new TextDecoder().decode(bytes).trimEnd();
  };
  return {
    clock,
    spans,
    watch,
    ask: (message: Message | string) => pass("to-server", message),
    reply: (message: Message | string, holdMs?: number) => pass("to-client", message, holdMs),
    side: (kind: "client" | "server") => spans.find((span) => span.kind === kind),
  };
}

const call = (id: unknown, name: string, more: Message = {}): Message => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: { q: "secret" }, ...more },
});

/** Plays one call that is answered with `answer`, after an optional handshake for `version`. */
function outcome(answer: Message, version?: string) {
  const c = connection();
  if (version !== undefined) {
    c.ask({ id: 0, method: "initialize", params: { protocolVersion: version } });
    c.reply({ id: 0, result: { protocolVersion: version } });
    c.spans.length = 0;
  }
  c.ask(call(1, "search"));
  c.reply({ jsonrpc: "2.0", id: 1, ...answer });
  return { client: c.side("client"), server: c.side("server") };
}

describe("spans of a request", () => {
  test("a SERVER span from reception to delivery, below it a CLIENT span from sending to the answer", () => {
    const c = connection();
    c.ask(call(1, "search"));
    c.clock.advance(20);
    c.reply({ jsonrpc: "2.0", id: 1, result: { content: [] } }, 5);
    const [server, client] = [c.side("server"), c.side("client")];
    expect(c.spans).toHaveLength(2);
    expect(client).toMatchObject({ name: "tools/call search", durationNs: 20e6, parentSpanId: server?.spanId });
    expect(server).toMatchObject({ name: "tools/call search", durationNs: 25e6, status: "unset" });
    expect(server?.parentSpanId).toBeUndefined();
    expect(client?.traceId).toBe(server?.traceId);
    for (const span of c.spans) expect(Span.parse(span)).toEqual(span);
  });

  test("the CLIENT span lies inside the SERVER span, whatever the clock's steps", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0.000_1, max: 7, noNaN: true })), (steps) => {
        const c = connection();
        const ticking = {
          now: c.clock.now,
          monotonicMs: () => {
            c.clock.advance(steps.next().value ?? 1);
            return c.clock.monotonicMs();
          },
        };
        const t = connection({ clock: ticking });
        t.ask(call(1, "a"));
        t.reply({ id: 1, result: {} });
        const [server, client] = [t.side("server"), t.side("client")];
        const end = (span: Span | undefined) => (span?.startNs ?? 0n) + BigInt(span?.durationNs ?? 0);
        expect(client?.startNs).toBeGreaterThanOrEqual(server?.startNs ?? 0n);
        expect(end(client)).toBeLessThanOrEqual(end(server));
      }),
    );
  });

  test("the CLIENT span leaves out what happened before the message was passed on", () => {
    let ms = 0;
    const c = connection({ clock: { now: () => 0n, monotonicMs: () => (ms += 10) } });
    c.ask(call(1, "a"));
    c.reply({ id: 1, result: {} });
    // Read at: received 10, sent 20, answered 30, passed on 40.
    expect([c.side("client")?.durationNs, c.side("server")?.durationNs]).toEqual([10e6, 30e6]);
  });

  test("attributes and resource follow the conventions; arguments and results stay out", () => {
    const c = connection();
    c.ask(call("a-1", "search"));
    c.reply({ id: "a-1", result: { content: [{ type: "text", text: "secret" }] } });
    expect(c.side("client")?.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": "search",
      "gen_ai.operation.name": "execute_tool",
      "jsonrpc.request.id": "a-1",
      "network.transport": "pipe",
      "mcp.session.id": "s1",
    });
    expect(c.side("server")?.resource).toEqual({
      "service.name": "notes",
      "service.version": "abc",
      "service.instance.id": "s1",
      "whetstone.arm": "canary",
      "whetstone.run": "r1",
    });
    expect(JSON.stringify(c.spans, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v))).not.toContain("secret");
  });

  test("with captureContent arguments and results are recorded, the result only of a success", () => {
    const c = connection({ captureContent: true });
    c.ask(call(1, "search"));
    c.reply({ id: 1, result: { content: ["found"] } });
    c.ask(call(2, "search"));
    c.reply({ id: 2, result: { content: ["private"], isError: true } });
    expect(c.spans[0]?.attributes).toMatchObject({
      "gen_ai.tool.call.arguments": { q: "secret" },
      "gen_ai.tool.call.result": { content: ["found"] },
    });
    expect(c.spans[2]?.attributes).not.toHaveProperty(["gen_ai.tool.call.result"]);
  });

  test("prompts and resources have their own attributes; a URI is not in the name", () => {
    const c = connection();
    c.ask({ id: 1, method: "prompts/get", params: { name: "greet" } });
    c.reply({ id: 1, result: {} });
    c.ask({ id: 2, method: "resources/read", params: { uri: "file:///a" } });
    c.reply({ id: 2, result: {} });
    expect(c.spans.map((span) => span.name)).toEqual([
      "prompts/get greet",
      "prompts/get greet",
      "resources/read",
      "resources/read",
    ]);
    expect(c.spans[0]?.attributes).toMatchObject({ "gen_ai.prompt.name": "greet" });
    expect(c.spans[2]?.attributes).toMatchObject({ "mcp.resource.uri": "file:///a" });
  });

  test("requests of the server are mirrored", () => {
    const c = connection();
    c.reply({ id: 1, method: "roots/list" });
    c.ask({ id: 1, result: { roots: [] } });
    expect(c.spans.map((span) => [span.name, span.kind])).toEqual([
      ["roots/list", "client"],
      ["roots/list", "server"],
    ]);
  });

  test("a notification has both spans at once and no request id", () => {
    const c = connection();
    c.ask({ method: "notifications/initialized" });
    expect(c.spans.map((span) => span.kind)).toEqual(["client", "server"]);
    expect(c.spans[0]?.attributes).not.toHaveProperty(["jsonrpc.request.id"]);
  });

  test('the same id in both directions, and 1 beside "1", are different requests', () => {
    const c = connection();
    c.ask(call(1, "a"));
    c.ask(call("1", "b"));
    c.reply({ id: 1, method: "ping" });
    c.reply({ id: "1", result: {} });
    expect(c.spans.map((span) => span.name)).toEqual(["tools/call b", "tools/call b"]);
    c.ask({ id: 1, result: {} });
    c.reply({ id: 1, result: {} });
    expect(c.spans.map((span) => span.name).slice(2)).toEqual(["ping", "ping", "tools/call a", "tools/call a"]);
  });

  test("ids beyond 2^53 keep their digits and stay apart", () => {
    const c = connection();
    c.ask('{"jsonrpc":"2.0","id":12345678901234567891,"method":"ping"}');
    c.ask('{"jsonrpc":"2.0","id":12345678901234567892,"method":"tools/list"}');
    c.reply('{"jsonrpc":"2.0","id":12345678901234567892,"result":{}}');
    expect(c.spans.map((span) => [span.name, span.attributes["jsonrpc.request.id"]])).toEqual([
      ["tools/list", "12345678901234567892"],
      ["tools/list", "12345678901234567892"],
    ]);
  });

  test("every message of a batch has its spans and its own context", () => {
    const c = connection();
    const sent = c.ask(JSON.stringify([call(1, "a"), { method: "notifications/progress", params: {} }, call(2, "b")]));
    c.reply(
      JSON.stringify([
        { id: 2, result: {} },
        { id: 1, result: {} },
      ]),
    );
    expect(c.spans).toHaveLength(6);
    const contexts = (JSON.parse(sent) as { params: { _meta: { traceparent: string } } }[]).map(
      (m) => m.params._meta.traceparent,
    );
    expect(new Set(contexts).size).toBe(3);
  });
});

describe("protocol version", () => {
  test("is known from the answer to initialize on, for initialize itself too", () => {
    const c = connection();
    c.ask({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25" } });
    c.reply({ id: 0, result: { protocolVersion: "2025-06-18" } });
    c.ask(call(1, "a"));
    c.reply({ id: 1, result: {} });
    expect(c.spans.map((span) => span.attributes["mcp.protocol.version"])).toEqual(Array(4).fill("2025-06-18"));
  });

  test("a stateless request states its own, and has no session", () => {
    const c = connection();
    c.ask(call(1, "a", { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }));
    c.reply({ id: 1, result: {} });
    expect(c.spans[0]?.attributes).toMatchObject({ "mcp.protocol.version": "2026-07-28" });
    expect(c.spans[0]?.attributes).not.toHaveProperty(["mcp.session.id"]);
  });
});

describe("what a server says of its version", () => {
  const stated = (result: Message) => {
    const c = connection({ identity: { service: "notes" } });
    c.ask({ id: 1, method: "initialize", params: {} });
    c.reply({ id: 1, result });
    return c.side("server")?.resource["service.version"];
  };

  test("is on the spans when none was given, from the answer to initialize on, of either wire", () => {
    expect(stated({ serverInfo: { name: "n", version: "1.2" } })).toBe("1.2");
    expect(stated({ _meta: { "io.modelcontextprotocol/serverInfo": { version: "3" } } })).toBe("3");
    expect(stated({ serverInfo: { version: 7 } })).toBeUndefined();
    expect(stated({ serverInfo: { version: "v".repeat(1_000) } })).toHaveLength(128);
  });

  test("goes behind what was given", () => {
    const c = connection();
    c.ask({ id: 1, method: "initialize", params: {} });
    c.reply({ id: 1, result: { serverInfo: { version: "1.2" } } });
    expect(c.side("server")?.resource["service.version"]).toBe("abc");
  });

  test("is shared by connections to the same server", () => {
    const reported = { version: undefined };
    const first = connection({ identity: { service: "notes" }, reported });
    first.ask({ id: 1, method: "initialize", params: {} });
    first.reply({ id: 1, result: { serverInfo: { version: "1.2" } } });
    const second = connection({ identity: { service: "notes" }, reported });
    second.ask({ method: "notifications/x" });
    expect(second.side("server")?.resource["service.version"]).toBe("1.2");
  });
});

describe("subscriptions/listen", () => {
  const note = (method: string, id: unknown) => ({
    method,
    params: { _meta: { "io.modelcontextprotocol/subscriptionId": id } },
  });

  test("ends at its acknowledgement; its late answer makes no span", () => {
    const c = connection();
    c.ask({ id: 5, method: "subscriptions/listen", params: {} });
    c.clock.advance(20);
    c.reply(note("notifications/subscriptions/acknowledged", 5));
    c.clock.advance(3_600_000);
    c.reply(note("notifications/tools/list_changed", 5));
    c.reply({ id: 5, result: {} });
    c.watch.close();
    const listens = c.spans.filter(({ name }) => name === "subscriptions/listen");
    expect(listens.map(({ durationNs, status }) => [durationNs, status])).toEqual([
      [20e6, "unset"],
      [20e6, "unset"],
    ]);
  });

  test("ends by no other subscription, and nothing but it ends by one", () => {
    const c = connection();
    c.ask({ id: 5, method: "subscriptions/listen", params: {} });
    c.ask({ id: 6, method: "ping", params: {} });
    c.reply(note("notifications/subscriptions/acknowledged", "5"));
    c.reply(note("notifications/subscriptions/acknowledged", 6));
    c.watch.close();
    const ended = c.spans.filter(({ kind, name }) => kind === "client" && !name.startsWith("notifications/"));
    expect(ended.map(({ attributes }) => attributes["error.type"])).toEqual(["transport", "transport"]);
  });
});

describe("rounds of one operation", () => {
  const input = { resultType: "input_required", requestState: "s" };

  test("are marked; the later one links to the earlier; a single one is neither", () => {
    const c = connection();
    c.ask(call(1, "a"));
    c.reply({ id: 1, result: input });
    c.ask(call(2, "a", { inputResponses: {}, requestState: "s" }));
    c.reply({ id: 2, result: { content: [] } });
    c.ask(call(3, "a"));
    c.reply({ id: 3, result: { content: [] } });
    const [first, second, third] = c.spans.filter(({ kind }) => kind === "server");
    expect([first, second, third].map((span) => span?.attributes["whetstone.multi_round"])).toEqual([
      true,
      true,
      undefined,
    ]);
    expect(second?.links).toEqual([{ traceId: first?.traceId, spanId: first?.spanId, attributes: {} }]);
    expect([first?.links, third?.links]).toEqual([[], []]);
  });

  test.each([
    ["another tool", call(2, "b", { inputResponses: {}, requestState: "s" })],
    ["another state", call(2, "a", { inputResponses: {}, requestState: "t" })],
    ["no state", call(2, "a", { inputResponses: {} })],
    ["no answers", call(2, "a", { requestState: "s" })],
  ])("%s is no later round", (_what, later) => {
    const c = connection();
    c.ask(call(1, "a"));
    c.reply({ id: 1, result: input });
    c.ask(later);
    c.reply({ id: 2, result: {} });
    expect(c.spans.at(-1)?.links).toEqual([]);
  });

  test("the oldest of many that nobody takes up is forgotten", () => {
    const c = connection({ rounds: rounds(2) });
    for (const id of [1, 2, 3]) {
      c.ask(call(id, "a"));
      c.reply({ id, result: { ...input, requestState: `s${id}` } });
    }
    const linksOf = (id: number, state: string) => {
      c.ask(call(id, "a", { inputResponses: {}, requestState: state }));
      c.reply({ id, result: {} });
      return c.spans.at(-1)?.links.length;
    };
    expect([linksOf(4, "s1"), linksOf(5, "s2"), linksOf(6, "s3")]).toEqual([0, 1, 1]);
  });
});

describe("status per side", () => {
  const legacy = "2025-11-25";
  const modern = "2026-07-28";
  const error = (code: number) => ({ error: { code, message: "what happened" } });
  test.each([
    [-32700, legacy, false],
    [-32600, legacy, false],
    [-32601, legacy, false],
    [-32602, legacy, false],
    [-32602, modern, false],
    [-32002, legacy, false],
    [-32002, modern, true],
    [-32020, legacy, true],
    [-32020, modern, false],
    [-32022, modern, false],
    [-32603, legacy, true],
    [-32000, legacy, true],
    [7, modern, true],
  ])("code %i on %s: error of the client always, of the server %s", (code, version, serverError) => {
    const { client, server } = outcome(error(code), version);
    expect(client).toMatchObject({ status: "error", statusMessage: "what happened" });
    expect(client?.attributes).toMatchObject({ "error.type": String(code), "rpc.response.status_code": String(code) });
    expect(server?.status).toBe(serverError ? "error" : "unset");
    expect(server?.attributes["error.type"]).toBe(serverError ? String(code) : undefined);
    expect(server?.attributes["rpc.response.status_code"]).toBe(String(code));
  });

  test("a result with isError is tool_error on both sides", () => {
    const { client, server } = outcome({ result: { content: [], isError: true } });
    for (const span of [client, server]) {
      expect(span).toMatchObject({ status: "error", attributes: { "error.type": "tool_error" } });
      expect(span?.attributes).not.toHaveProperty(["rpc.response.status_code"]);
    }
  });

  test("an error without a code is _OTHER", () => {
    const { client } = outcome({ error: { message: "?" } });
    expect(client?.attributes).toMatchObject({ "error.type": "_OTHER" });
  });
});

describe("requests without an answer", () => {
  test("end as transport errors when the connection closes", () => {
    const c = connection();
    c.ask(call(1, "a"));
    c.clock.advance(50);
    c.watch.close();
    c.watch.close();
    expect(c.spans).toHaveLength(2);
    for (const span of c.spans) {
      expect(span).toMatchObject({ status: "error", attributes: { "error.type": "transport" }, durationNs: 50e6 });
    }
  });

  test("end as cancelled at the cancellation by the side that asked; a late answer makes no span", () => {
    const c = connection();
    c.ask(call(1, "a"));
    c.clock.advance(10);
    c.reply({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect(c.spans.map((span) => span.name)).toEqual(Array(2).fill("notifications/cancelled"));
    c.ask({ method: "notifications/cancelled", params: { requestId: 1 } });
    const ended = c.spans.filter((span) => span.name === "tools/call a");
    expect(ended.map((span) => span.attributes["error.type"])).toEqual(["cancelled", "cancelled"]);
    expect(ended[0]?.durationNs).toBe(10e6);
    expect(c.reply({ id: 1, result: {} })).toBe('{"id":1,"result":{}}');
    c.watch.close();
    expect(c.spans).toHaveLength(6);
  });

  test("a request that reuses an open id ends the older one", () => {
    const c = connection();
    c.ask(call(1, "a"));
    c.ask(call(1, "b"));
    c.reply({ id: 1, result: {} });
    expect(c.spans.map((span) => [span.name, span.attributes["error.type"]])).toEqual([
      ["tools/call a", "duplicate_id"],
      ["tools/call a", "duplicate_id"],
      ["tools/call b", undefined],
      ["tools/call b", undefined],
    ]);
  });
});

describe("trace context", () => {
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const traceparentOf = (line: string) =>
    (JSON.parse(line) as { params: { _meta: { traceparent: string } } }).params._meta.traceparent;

  test("an incoming traceparent is the parent, the CLIENT span's context goes on with the same flags", () => {
    const c = connection();
    const sent = c.ask(call(1, "a", { _meta: { traceparent: parent, tracestate: "v=1" } }));
    c.reply({ id: 1, result: {} });
    expect(c.side("server")).toMatchObject({ traceId: parent.slice(3, 35), parentSpanId: parent.slice(36, 52) });
    expect(traceparentOf(sent)).toBe(`00-${parent.slice(3, 35)}-${c.side("client")?.spanId}-00`);
    expect(sent).toContain('"tracestate":"v=1"');
  });

  test.each([
    ["not one"],
    ["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ["00-00000000000000000000000000000000-b7ad6b7169203331-01"],
    ["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"],
    [17],
  ])("%s is no traceparent: a new trace begins", (traceparent) => {
    const c = connection();
    const sent = c.ask(call(1, "a", { _meta: { traceparent } }));
    c.reply({ id: 1, result: {} });
    expect(c.side("server")?.parentSpanId).toBeUndefined();
    expect(c.side("server")?.traceId).not.toBe("0af7651916cd43dd8448eb211c80319c");
    expect(traceparentOf(sent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  test("with injectContext false, and for every response, the bytes are those that came", () => {
    const c = connection({ injectContext: false });
    const line = '{ "id":1.0 ,"method":"tools/call","params":{"name":"a","n":1e2}}\r';
    const { bytes } = c.watch.accept("to-server", new TextEncoder().encode(line));
    expect(new TextDecoder().decode(bytes)).toBe(line);
    const on = connection();
    expect(on.reply('{"id" : 1, "result":{"_meta":{}}}')).toBe('{"id" : 1, "result":{"_meta":{}}}');
  });
});

describe("hostile traffic", () => {
  test("any bytes pass unchanged when they are no JSON-RPC request, and nothing throws", () => {
    const c = connection();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, up) => {
        const accepted = c.watch.accept(up ? "to-server" : "to-client", bytes);
        accepted.passed();
        expect(accepted.bytes).toEqual(bytes);
      }),
    );
    expect(c.watch.faults()).toBe(0);
  });

  test("any JSON whatever may be asked or answered without a fault, and makes valid spans", () => {
    const c = connection({ captureContent: true });
    const part = fc.oneof(fc.jsonValue(), fc.constantFrom("tools/call", "initialize", 1, {}));
    const message = fc.record(
      { id: part, method: part, params: part, result: part, error: part },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(message, fc.boolean(), (given, up) => {
        if (up) c.ask(given);
        else c.reply(given);
      }),
    );
    c.watch.close();
    expect(c.watch.faults()).toBe(0);
    for (const span of c.spans) expect(Span.safeParse(span).success).toBe(true);
  });

  test("a fault while making spans is counted and the line passes", () => {
    const c = connection({
      onSpan: () => {
        throw new Error("broken consumer");
      },
    });
    c.ask(call(1, "a"));
    expect(c.reply({ id: 1, result: {} })).toBe('{"id":1,"result":{}}');
    expect(c.watch.faults()).toBe(1);
  });
});
