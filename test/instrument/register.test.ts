import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { startReceiver } from "../../src/capture/receiver.ts";
import type { Span } from "../../src/model/span.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const REGISTER = resolve("src/instrument/register.ts");
const fixture = (name: string): string => resolve("test/instrument/fixtures", name);

type Ended = { code: number | null; signal: NodeJS.Signals | null; out: string; err: string };

/** Runs node with these arguments; `talk` may write to it and end it. */
function runNode(
  args: readonly string[],
  options: { env?: Record<string, string>; talk?: (child: ReturnType<typeof spawn>) => void; cwd?: string } = {},
): Promise<Ended> {
  const env = { PATH: process.env["PATH"], NODE_OPTIONS: "", ...options.env };
  const child = spawn(process.execPath, args, { env, cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"] });
  const ended: Ended = { code: null, signal: null, out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (ended.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (ended.err += text));
  child.stdin.on("error", () => undefined); // it may have ended before it read everything
  if (options.talk === undefined) child.stdin.end();
  else options.talk(child);
  return new Promise((done) => child.once("close", (code, signal) => done({ ...ended, code, signal })));
}

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};
const ADD = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "add", arguments: { a: 1, b: 2 } } };
const lines = (...messages: object[]): string => messages.map((message) => `${JSON.stringify(message)}\n`).join("");
const ANSWER = '{"result":{"content":[{"type":"text","text":"3"}]},"jsonrpc":"2.0","id":1}';

async function collecting(): Promise<AsyncDisposable & { spans: Span[]; env: Record<string, string> }> {
  const spans: Span[] = [];
  const receiver = await startReceiver({ onSpans: (batch) => Promise.resolve(spans.push(...batch)) });
  return {
    spans,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}

describe("a client and a server in two processes", () => {
  test("give one whole tree for each call, over stdio", async () => {
    await using collector = await collecting();
    const server = [process.execPath, "--import", REGISTER, fixture("server.ts")];
    const { code, out, err } = await runNode(["--import", REGISTER, fixture("client.ts"), ...server], collector);
    expect({ code, out, err }).toEqual({ code: 0, out: '[{"type":"text","text":"3"}]', err: "" });

    const { spans } = collector;
    const one = (name: string, kind: Span["kind"]): Span => {
      const found = spans.filter((span) => span.name === name && span.kind === kind);
      expect({ name, kind, count: found.length }).toEqual({ name, kind, count: 1 });
      return found[0] as Span;
    };
    const methods = [
      "initialize",
      "notifications/initialized",
      "tools/call add",
      "tools/call broken",
      "tools/call ask",
      "tools/call wait",
      "notifications/cancelled",
      "prompts/get greet",
      "ping",
    ];
    for (const method of methods) {
      const client = one(method, "client");
      const received = one(method, "server");
      expect(received).toMatchObject({ traceId: client.traceId, parentSpanId: client.spanId });
      expect(client.parentSpanId).toBeUndefined();
      expect(client.resource["service.instance.id"]).not.toBe(received.resource["service.instance.id"]);
      for (const { attributes } of [client, received]) {
        expect(attributes).toMatchObject({ "network.transport": "pipe", "mcp.protocol.version": "2025-11-25" });
      }
    }
    const ask = one("tools/call ask", "server");
    for (const method of ["notifications/progress", "sampling/createMessage", "elicitation/create"]) {
      const sent = one(method, "client");
      expect(sent).toMatchObject({ traceId: ask.traceId, parentSpanId: ask.spanId, service: ask.service });
      expect(one(method, "server")).toMatchObject({ traceId: ask.traceId, parentSpanId: sent.spanId });
    }
    expect(one("tools/call broken", "server")).toMatchObject({
      status: "error",
      attributes: { "error.type": "tool_error" },
    });
    expect(one("tools/call wait", "client").attributes["error.type"]).toBe("cancelled");
    expect(one("tools/call wait", "server").attributes["error.type"]).toBe("cancelled");
    const reads = spans.filter(({ name }) => name === "resources/read");
    expect(reads.map(({ kind, status }) => `${kind} ${status}`).sort()).toEqual([
      "client error",
      "client unset",
      "server unset",
      "server unset",
    ]);
    expect(spans).toHaveLength(2 * (methods.length + 3 + 2));
  });

  test.each(["server.ts", "server.cjs", "server2.ts"])("%s: ESM and CommonJS, SDK 1.x and 2.x", async (name) => {
    await using collector = await collecting();
    const talk = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(INITIALIZE, ADD));
    const { code, out, err } = await runNode(["--import", REGISTER, fixture(name)], { ...collector, talk });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.trim().split("\n")).toContain(ANSWER);
    expect(collector.spans.map((span) => `${span.kind} ${span.name}`)).toEqual([
      "server initialize",
      "server tools/call add",
    ]);
  });
});

/** The OTLP JSON bodies that a program posts, by path. */
async function receivingJson(): Promise<
  AsyncDisposable & { bodies: Map<string, string[]>; env: Record<string, string> }
> {
  const bodies = new Map<string, string[]>();
  const http = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      bodies.set(request.url ?? "", [...(bodies.get(request.url ?? "") ?? []), body]);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  const { port } = http.address() as AddressInfo;
  return {
    bodies,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_NODE_EXPERIMENTAL_SDK_METRICS: "true",
    },
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

type JsonMetric = { name: string; sum?: { dataPoints: JsonPoint[] }; histogram?: { dataPoints: JsonPoint[] } };
type JsonPoint = {
  attributes: { key: string; value: { stringValue?: string } }[];
  asDouble?: number;
  explicitBounds?: number[];
};

test("metrics are exported at the end: operations, session, derived ones, and what a full queue dropped", async () => {
  await using collector = await receivingJson();
  const calls = Array.from({ length: 50 }, (_, i) => ({ ...ADD, id: i + 1 }));
  const env = { ...collector.env, OTEL_BSP_MAX_QUEUE_SIZE: "5", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5" };
  const talk = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(INITIALIZE, ...calls));
  const { err } = await runNode(["--import", REGISTER, fixture("server.ts")], { env, talk });
  const dropped = Number(/spans lost: (\d+) at a full queue/.exec(err)?.[1]);
  const [body] = (collector.bodies.get("/v1/metrics") ?? []).slice(-1);
  const { resourceMetrics } = JSON.parse(body ?? "{}") as {
    resourceMetrics: { scopeMetrics: { metrics: JsonMetric[] }[] }[];
  };
  const found = new Map(
    resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics)).map((m) => [m.name, m]),
  );
  const operations = found.get("mcp.server.operation.duration")?.histogram?.dataPoints[0];
  expect(operations?.explicitBounds).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]);
  expect(found.get("mcp.server.session.duration")?.histogram?.dataPoints).toHaveLength(1);
  const sum = (name: string, keep: (point: JsonPoint) => boolean): number =>
    (found.get(name)?.sum?.dataPoints ?? []).filter(keep).reduce((total, { asDouble = 0 }) => total + asDouble, 0);
  expect(sum("whetstone.mcp.calls", () => true)).toBe(51);
  const full = ({ attributes }: JsonPoint): boolean =>
    attributes.some(({ value }) => value.stringValue === "queue_full");
  expect(dropped).toBeGreaterThan(0);
  expect(sum("otel.sdk.processor.span.processed", full)).toBe(dropped);
});

test.each([
  ["head", { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5" }, 2],
  ["tail", { WHETSTONE_TAIL_PROBABILITY: "0.25" }, 4],
])("the %s sampler is set by the environment, and states its weight", async (_which, settings, weight) => {
  await using collector = await collecting();
  const traced = (digit: string) => ({
    ...ADD,
    id: digit,
    params: {
      ...ADD.params,
      _meta: { traceparent: `00-${"1".repeat(18)}${digit.repeat(14)}-${"2".repeat(16)}-01`, tracestate: "ot=th:8" },
    },
  });
  const messages = weight === 2 ? [traced("f")] : [traced("0"), traced("f")];
  const talk = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(...messages));
  await runNode(["--import", REGISTER, fixture("server.ts")], { env: { ...collector.env, ...settings }, talk });
  expect(collector.spans.map(({ attributes }) => attributes["whetstone.sample_weight"])).toEqual([weight]);
});

describe("the host", () => {
  const talk = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(INITIALIZE, ADD));

  test("gets the same bytes on stdout whatever OpenTelemetry is told to print", async () => {
    await using collector = await collecting();
    const plain = await runNode([fixture("server.ts")], { talk });
    for (const env of [
      { OTEL_LOG_LEVEL: "all" },
      { OTEL_TRACES_EXPORTER: "console", OTEL_METRICS_EXPORTER: "console", OTEL_LOGS_EXPORTER: "console" },
      { OTEL_TRACES_EXPORTER: "otlp,console,made-up", OTEL_LOG_LEVEL: "debug" },
    ]) {
      const run = await runNode(["--import", REGISTER, fixture("server.ts")], {
        env: { ...collector.env, ...env },
        talk,
      });
      expect(run.out).toBe(plain.out);
      expect(run.code).toBe(0);
      if ("OTEL_TRACES_EXPORTER" in env) expect(run.err).toContain("stdout carries MCP");
    }
  });

  test("goes on, and is told of the loss once, when nobody collects", async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_METRICS_EXPORTER: "none" };
    const { code, out, err } = await runNode(["--import", REGISTER, fixture("server.ts")], { env, talk });
    expect(code).toBe(0);
    expect(out).toContain(ANSWER);
    expect(err).toContain("whetstone: spans lost: 0 at a full queue, 0 in failed exports, 2 not exported.");
  });

  test("counts what a full queue drops", async () => {
    await using collector = await collecting();
    const calls = Array.from({ length: 50 }, (_, i) => ({ ...ADD, id: i + 1 }));
    const many = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(INITIALIZE, ...calls));
    const env = { ...collector.env, OTEL_BSP_MAX_QUEUE_SIZE: "5", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5" };
    const { err } = await runNode(["--import", REGISTER, fixture("server.ts")], { env, talk: many });
    const dropped = Number(/spans lost: (\d+) at a full queue/.exec(err)?.[1]);
    expect(dropped).toBeGreaterThan(0);
    expect(collector.spans.length + dropped).toBe(51);
  });

  test("runs without telemetry when it is disabled, or when its set-up fails", async () => {
    await using collector = await collecting();
    const disabled = await runNode(["--import", REGISTER, fixture("server.ts")], {
      env: { ...collector.env, OTEL_SDK_DISABLED: "true" },
      talk,
    });
    const broken = await runNode(["--import", REGISTER, fixture("server.ts")], {
      env: { ...collector.env, OTEL_EXPORTER_OTLP_ENDPOINT: "no url" },
      talk,
    });
    for (const run of [disabled, broken]) {
      expect(run.code).toBe(0);
      expect(run.out).toContain(ANSWER);
    }
    expect(disabled.err).toBe("");
    expect(broken.err).not.toBe("");
    expect(collector.spans).toEqual([]);
  });

  test("ends by the signal that ended it, with its spans exported", async () => {
    await using collector = await collecting();
    const { code, signal, err } = await runNode(["--import", REGISTER, fixture("server.ts"), "linger"], {
      ...collector,
      talk: (child) => {
        child.stdin?.write(lines(INITIALIZE, ADD));
        child.stdout?.on("data", (text: string) => {
          if (text.includes('"id":1')) child.kill("SIGTERM");
        });
      },
    });
    expect({ code, signal, err }).toEqual({ code: null, signal: "SIGTERM", err: "" });
    expect(collector.spans.map(({ name }) => name)).toEqual(["initialize", "tools/call add"]);
  });

  test("keeps its own handling of signals and its exit code", async () => {
    await using folder = await temporaryFolder();
    const script = `import ${JSON.stringify(fixture("server.ts"))};
      process.on("SIGTERM", () => { console.error("handled"); process.exitCode = 7; process.stdin.destroy(); });`;
    const file = join(folder.path, "host.mjs");
    await writeFile(file, script);
    const run = await runNode(["--import", REGISTER, file], {
      env: { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" },
      talk: (child) => {
        child.stdin?.write(lines(INITIALIZE));
        child.stdout?.once("data", () => child.kill("SIGTERM"));
      },
    });
    expect({ code: run.code, signal: run.signal, err: run.err }).toEqual({ code: 7, signal: null, err: "handled\n" });
  });

  test("is told what it lost when it ends itself at once", async () => {
    await using collector = await collecting();
    await using folder = await temporaryFolder();
    const file = join(folder.path, "host.mjs");
    await writeFile(
      file,
      `import ${JSON.stringify(fixture("server.ts"))}; process.on("SIGTERM", () => process.exit(3));`,
    );
    const run = await runNode(["--import", REGISTER, file], {
      env: { ...collector.env, OTEL_BSP_SCHEDULE_DELAY: "60000" },
      talk: (child) => {
        child.stdin?.write(lines(INITIALIZE));
        child.stdout?.once("data", () => child.kill("SIGTERM"));
      },
    });
    expect(run.code).toBe(3);
    expect(run.err).toContain("1 not exported");
  });

  test("keeps an SDK of its own when it says so", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "host.mjs");
    const sdk = pathToFileURL(resolve("node_modules/@opentelemetry/sdk-trace/dist/index.mjs")).href;
    const api = pathToFileURL(resolve("node_modules/@opentelemetry/api/dist/index.mjs")).href;
    await writeFile(
      file,
      `import { TracerProvider, SimpleSpanProcessor } from ${JSON.stringify(sdk)};
       import { trace } from ${JSON.stringify(api)};
       const exporter = { export: (spans, done) => { console.error(spans[0].name); done({ code: 0 }); }, shutdown: async () => {} };
       trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
       await import(${JSON.stringify(fixture("server.ts"))});`,
    );
    const run = await runNode(["--import", REGISTER, file], { env: { WHETSTONE_SDK: "false" }, talk });
    expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: "initialize\ntools/call add\n" });
  });

  test("pays nothing when it loads no MCP SDK", async () => {
    const script = "console.log(process.listenerCount('SIGTERM'), process.listenerCount('beforeExit'))";
    const { out, err } = await runNode(["--import", REGISTER, "--eval", script]);
    expect(out).toBe("0 0\n");
    expect(err).toBe("");
  });
});

test("spans say which package served them, and what the environment says wins", async () => {
  await using collector = await collecting();
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "bin"));
  await writeFile(join(folder.path, "package.json"), JSON.stringify({ name: "@acme/notes, server", version: "4.5.6" }));
  await writeFile(join(folder.path, "bin/start.mjs"), `import ${JSON.stringify(fixture("server.ts"))};`);
  const talk = (child: ReturnType<typeof spawn>): void => void child.stdin?.end(lines(INITIALIZE));
  const start = ["--import", REGISTER, join(folder.path, "bin/start.mjs")];
  await runNode(start, { ...collector, talk });
  expect(collector.spans.at(-1)?.resource).toMatchObject({
    "service.name": "@acme/notes, server",
    "service.version": "4.5.6",
  });
  expect(JSON.stringify(collector.spans.at(-1)?.resource)).not.toContain("start.mjs");
  await runNode(start, {
    env: {
      ...collector.env,
      OTEL_SERVICE_NAME: "mine",
      OTEL_RESOURCE_ATTRIBUTES: "service.version=9,whetstone.arm=canary",
    },
    talk,
  });
  expect(collector.spans.at(-1)?.resource).toMatchObject({
    "service.name": "mine",
    "service.version": "9",
    "whetstone.arm": "canary",
  });
});
