import { describe, expect, test } from "@jest/globals";
import { playSession, type PlayOptions } from "../../src/capture/play.ts";
import { callSamples } from "../../src/capture/samples.ts";
import type { WorkloadCall } from "../../src/model/call.ts";
import { Span } from "../../src/model/span.ts";
import { fixture, isAlive, seededRandom, systemClock } from "./fixtures/commands.ts";

const toCall = (name: string): WorkloadCall => ({ tool: name, arguments: { n: 1 } });

/** Options for a session of these tools on the tiny server, collecting the spans. */
function session(tools: readonly string[], change: Partial<PlayOptions> = {}) {
  const spans: Span[] = [];
  const options: PlayOptions = {
    server: { ...fixture("tiny-server"), graceMs: 2_000 },
    session: { id: "s1", calls: tools.map(toCall) },
    service: "tiny",
    version: "abc",
    arm: "canary",
    run: "run-1",
    concurrency: 1,
    clock: systemClock,
    random: seededRandom("play"),
    onSpans: async (batch) => spans.push(...batch),
    timeoutMs: 15_000,
    ...change,
  };
  return { options, spans };
}

const contentOf = (result: unknown): unknown => {
  const [first] = (result as { content: { text: string }[] }).content;
  return JSON.parse(first?.text ?? "null");
};

describe("playSession", () => {
  test("plays the calls against a real server: results in order, each with its status", async () => {
    const { options } = session(["echo", "fail", "boom", "ping_client"]);
    const results = await playSession(options);
    expect(results.map(({ key, tool, status }) => [key, tool, status])).toEqual([
      ["s1/1", "echo", "ok"],
      ["s1/2", "fail", "tool_error"],
      ["s1/3", "boom", "rpc_error"],
      ["s1/4", "ping_client", "ok"],
    ]);
    expect(contentOf(results[0]?.result)).toEqual({ n: 1 });
    expect(results[2]?.result).toEqual({
      code: -32050,
      message: "MCP error -32050: the drum broke",
      data: { where: "kitchen" },
    });
  });

  test("every message has its spans, stored when the promise resolves; the server's context is the CLIENT span's", async () => {
    const { options, spans } = session(["meta", "boom", "ping_client"]);
    const results = await playSession(options);
    for (const span of spans) expect(Span.parse(span)).toEqual(span);
    const clients = spans.filter((span) => span.kind === "client").map((span) => span.name);
    expect(clients).toEqual([
      "initialize",
      "notifications/initialized",
      "tools/list",
      "tools/list",
      "tools/call meta",
      "tools/call boom",
      "ping",
      "tools/call ping_client",
    ]);
    const meta = spans.find((span) => span.name === "tools/call meta" && span.kind === "client");
    expect(contentOf(results[0]?.result)).toEqual({ traceparent: `00-${meta?.traceId}-${meta?.spanId}-01` });
    expect(meta?.attributes).toMatchObject({ "mcp.session.id": "s1", "mcp.protocol.version": "2025-11-25" });
    expect(meta?.resource).toMatchObject({
      "service.version": "abc",
      "whetstone.arm": "canary",
      "whetstone.run": "run-1",
    });
  });

  test("samples of the run: one per call, with arm, session and errors", async () => {
    const { options, spans } = session(["echo", "fail", "boom"]);
    await playSession(options);
    expect(callSamples(spans)).toEqual(
      [
        ["echo", false],
        ["fail", true],
        ["boom", true],
      ].map(([operation, error]) => ({
        timestamp: expect.any(Number),
        durationMs: expect.any(Number),
        operation,
        error,
        arm: "canary",
        session: "s1",
      })),
    );
  });

  test("with concurrency the results stay in order and no more calls run than allowed", async () => {
    const { options, spans } = session(Array<string>(12).fill("echo"), { concurrency: 4 });
    const results = await playSession(options);
    expect(results.map((result) => result.key)).toEqual(Array.from({ length: 12 }, (_, index) => `s1/${index + 1}`));
    const calls = spans.filter((span) => span.kind === "client" && span.name === "tools/call echo");
    const inFlight = calls.map(
      (one) =>
        calls.filter((other) => other.startNs <= one.startNs && one.startNs < other.startNs + BigInt(other.durationNs))
          .length,
    );
    expect(Math.max(...inFlight)).toBeLessThanOrEqual(4);
    expect(Math.max(...inFlight)).toBeGreaterThan(1);
  });

  test("the server has ended when the play is over", async () => {
    const [result] = await playSession(session(["pid"]).options);
    expect(isAlive(Number(contentOf(result?.result)))).toBe(false);
  });

  test("the server's environment is the given one and nothing else", async () => {
    const server = { ...fixture("tiny-server"), env: { ONLY: "this" } };
    const [result] = await playSession(session(["env"], { server }).options);
    expect(contentOf(result?.result)).toEqual(["ONLY"]);
  });

  test("lines that are no JSON on stdout disturb nothing", async () => {
    const server = fixture("scripted", "garbage");
    const results = await playSession(session(["echo", "echo"], { server }).options);
    expect(results.map((result) => result.status)).toEqual(["ok", "ok"]);
  });

  test("a tool that the server does not offer: workload_invalid, before any call, naming what is offered", async () => {
    const { options, spans } = session(["echo", "missing"]);
    await expect(playSession(options)).rejects.toMatchObject({
      code: "workload_invalid",
      message: expect.stringMatching(/"missing".*It offers: echo, meta, fail.*env/),
      data: { tool: "missing", session: "s1" },
    });
    expect(spans.filter((span) => span.name.startsWith("tools/call"))).toEqual([]);
  });

  test("a server that ends at once: server_start_failed with what it said", async () => {
    await expect(
      playSession(session(["echo"], { server: fixture("scripted", "exit-1") }).options),
    ).rejects.toMatchObject({
      code: "server_start_failed",
      message: expect.stringMatching(/exit code 1.*\n?.*missing configuration: API_BASE/s),
    });
  });

  test("a server that does not answer initialize: server_start_failed after the limit", async () => {
    const server = { ...fixture("scripted", "silent"), graceMs: 500 };
    await expect(playSession(session(["echo"], { server, timeoutMs: 300 }).options)).rejects.toMatchObject({
      code: "server_start_failed",
    });
  });

  test("a server whose list of tools never ends is refused instead of asked for ever", async () => {
    const server = fixture("scripted", "same-cursor");
    await expect(playSession(session(["echo"], { server }).options)).rejects.toMatchObject({
      code: "server_start_failed",
      message: expect.stringContaining('repeats its cursor "again"'),
    });
  });

  test("a server that dies in the middle: server_died with the results so far and its stderr", async () => {
    const { options, spans } = session(["echo", "echo", "die", "echo"]);
    await expect(playSession(options)).rejects.toMatchObject({
      code: "server_died",
      message: expect.stringMatching(/exit code 3.*after 3 of 4 calls/),
      data: {
        stderr: "dying as asked\n",
        results: [{ status: "ok" }, { status: "ok" }, { key: "s1/3", status: "transport" }],
      },
    });
    const died = spans.filter((span) => span.name === "tools/call die");
    expect(died.map((span) => span.attributes["error.type"])).toEqual(["transport", "transport"]);
  });

  test("a call without an answer within the limit is transport, the next call goes on", async () => {
    const { options, spans } = session(["never", "echo"], { timeoutMs: 1_500 });
    const results = await playSession(options);
    expect(results.map((result) => result.status)).toEqual(["transport", "ok"]);
    const never = spans.filter((span) => span.name === "tools/call never");
    expect(never.map((span) => span.attributes["error.type"])).toEqual(["cancelled", "cancelled"]);
  });

  test("a signal interrupts: the server ends and what was seen is kept", async () => {
    const controller = new AbortController();
    const { options, spans } = session(["echo", "never"], { signal: controller.signal });
    const onSpans: PlayOptions["onSpans"] = async (batch) => {
      spans.push(...batch);
      if (batch.some((span) => span.name === "tools/call echo")) controller.abort();
    };
    await expect(playSession({ ...options, onSpans })).rejects.toMatchObject({ code: "interrupted" });
    expect(spans.some((span) => span.name === "tools/call echo")).toBe(true);
    await expect(playSession(options)).rejects.toMatchObject({ code: "interrupted" });
  });

  test("a store that cannot be written fails the play", async () => {
    const { options } = session(["echo"], { onSpans: () => Promise.reject(new Error("disk full")) });
    await expect(playSession(options)).rejects.toThrow("disk full");
  });
});

describe("callSamples", () => {
  test("takes only the relay's own CLIENT spans of tool calls", async () => {
    const { options, spans } = session(["echo"]);
    await playSession(options);
    const foreign = spans.map((span) => ({ ...span, scope: { name: "other" } }));
    expect(callSamples([...foreign, ...spans])).toHaveLength(1);
  });

  test("traffic without arm and session is baseline, by its instance, else by its trace", async () => {
    const { options, spans } = session(["echo"]);
    await playSession(options);
    const bare = spans.map((span) => ({ ...span, attributes: { ...span.attributes, "mcp.session.id": null } }));
    const instance = bare.map((span) => ({ ...span, resource: { "service.instance.id": "i" } }));
    const nothing = bare.map((span) => ({ ...span, resource: {} }));
    expect(callSamples(instance)).toMatchObject([{ arm: "baseline", session: "i" }]);
    expect(callSamples(nothing)[0]?.session).toMatch(/^[0-9a-f]{32}$/);
  });
});
