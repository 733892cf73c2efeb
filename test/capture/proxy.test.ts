import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, test } from "@jest/globals";
import { otlpExporter } from "../../src/capture/otlp/export.ts";
import { exitCode, runProxy, type ProxyOptions } from "../../src/capture/proxy.ts";
import { startReceiver } from "../../src/capture/receiver.ts";
import type { Span } from "../../src/model/span.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { SpanStore } from "../../src/store/port.ts";
import { fixture, isAlive, seededRandom, systemClock } from "./fixtures/commands.ts";
import { plainSpan } from "./fixtures/spans.ts";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';

/** A proxy in this process; the test holds the client's ends. */
function proxied(mode: readonly string[], options: Partial<ProxyOptions> = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const exit = runProxy({
    ...fixture("scripted", ...mode),
    service: "s",
    stdin,
    stdout,
    stderr,
    clock: systemClock,
    random: seededRandom("proxy"),
    graceMs: 2_000,
    ...options,
  }).finally(() => stderr.end());
  return { stdin, stdout, stderr, exit };
}

const storedSpans = async (store: SpanStore): Promise<Span[]> => {
  const spans: Span[] = [];
  for await (const batch of store.spans({})) spans.push(...batch);
  return spans;
};
const failingStore = (): SpanStore => ({ ...memoryStore(), append: () => Promise.reject(new Error("disk full")) });

describe("runProxy", () => {
  test("passes bytes, stores spans, and ends with the server when the client closes stdin", async () => {
    await using store = memoryStore();
    const p = proxied(["echo"], { store });
    const out = text(p.stdout);
    p.stdin.end(PING);
    expect(await p.exit).toBe(0);
    // The fixture echoes, so what comes back is what the server got: the request with its trace context.
    const spans = await storedSpans(store);
    expect(spans).toHaveLength(4);
    const [first] = spans.filter((span) => span.kind === "client");
    expect(await out).toContain('"id":1,"method":"ping"');
    expect(first?.resource["service.instance.id"]).toMatch(/^[0-9a-f]{32}$/);
    expect(await text(p.stderr)).toBe("");
  });

  test("is byte-transparent without context injection", async () => {
    const p = proxied(["echo"], { store: memoryStore(), injectContext: false });
    const out = text(p.stdout);
    const input = `${PING}\r\nno json\n{"id": 2.0 ,"method":"x"}\nlast`;
    p.stdin.end(input);
    await p.exit;
    expect(await out).toBe(input);
  });

  test.each([
    [["exit-with", "0"], 0],
    [["exit-with", "7"], 7],
  ])("server %j: exit code %i", async (mode, code) => {
    const p = proxied(mode, { store: memoryStore() });
    p.stdout.resume();
    p.stdin.end();
    expect(await p.exit).toBe(code);
  });

  test("a server that ends by itself ends the proxy while the client stays; its stderr passes through", async () => {
    const p = proxied(["exit-1"], { store: memoryStore() });
    p.stdout.resume();
    expect(await p.exit).toBe(1);
    expect(await text(p.stderr)).toBe("missing configuration: API_BASE\n");
  });

  test("a store that fails never stops the traffic; the loss is said once, at the end", async () => {
    const p = proxied(["echo"], { store: failingStore() });
    const out = text(p.stdout);
    for (let turn = 0; turn < 20; turn += 1) p.stdin.write(PING);
    p.stdin.end();
    expect(await p.exit).toBe(0);
    expect((await out).trimEnd().split("\n")).toHaveLength(20);
    expect(await text(p.stderr)).toMatch(
      /^whetstone: \d+ of \d+ spans did not reach the store \(\d+ because writing failed: disk full\)\.\n$/,
    );
  });

  test("a full queue drops spans, counts them and says so", async () => {
    const store = memoryStore();
    const gate = Promise.withResolvers<void>();
    const slow: SpanStore = {
      ...store,
      append: async (spans) => {
        await gate.promise;
        return store.append(spans);
      },
    };
    const p = proxied(["echo"], { store: slow, queueLimit: 3, injectContext: false });
    p.stdin.end('{"method":"notifications/x"}\n'.repeat(10));
    await text(p.stdout);
    gate.resolve();
    expect(await p.exit).toBe(0);
    const said = await text(p.stderr);
    const [, lost, total] = /^whetstone: (\d+) of (\d+) spans did not reach the store/.exec(said) ?? [];
    expect(Number(total)).toBe(40);
    expect((await storedSpans(store)).length).toBe(Number(total) - Number(lost));
    expect(said).toContain("because the queue was full");
  });

  test.each([
    ["SIGINT", 130],
    ["SIGHUP", 129],
    ["no signal", 143],
  ])("an abort for %s reaches the server as a signal, and the exit code is %i", async (reason, code) => {
    const controller = new AbortController();
    const p = proxied(["silent"], { store: memoryStore(), signal: controller.signal });
    p.stdout.resume();
    controller.abort(reason);
    expect(await p.exit).toBe(code);
  });

  test("resolves only after stdout has taken everything", async () => {
    const order: string[] = [];
    let release: () => void = () => order.push("never asked");
    const asked = Promise.withResolvers<void>();
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(),
      final: (done) => {
        asked.resolve();
        release = () => {
          order.push("flushed");
          done();
        };
      },
    });
    const stdin = new PassThrough();
    const { exit } = proxied(["echo"], { store: memoryStore(), stdin, stdout });
    stdin.end(PING);
    const resolved = exit.then(() => order.push("resolved"));
    await asked.promise;
    // Time enough for the server to end: another process starts and ends.
    await once(spawn(process.execPath, ["-e", "0"]), "exit");
    release();
    await resolved;
    expect(order).toEqual(["flushed", "resolved"]);
  });

  test("an abort before the start ends the server at once", async () => {
    const p = proxied(["silent"], { store: memoryStore(), signal: AbortSignal.abort("SIGTERM"), graceMs: 500 });
    p.stdout.resume();
    expect(await p.exit).toBe(143);
  });

  test("a message of 50 MB passes both ways with its spans", async () => {
    await using store = memoryStore();
    const p = proxied(["echo"], { store });
    const out = buffer(p.stdout);
    const big = `{"id":1,"method":"x","params":{"text":"${"ä".repeat(25 * 1024 * 1024)}"}}\n`;
    p.stdin.end(big);
    expect(await p.exit).toBe(0);
    expect((await out).length).toBeGreaterThan(50 * 1024 * 1024);
    expect((await storedSpans(store)).map((span) => span.name)).toEqual(Array(4).fill("x"));
  });

  test("a server that ignores the signal is killed after the grace period", async () => {
    const controller = new AbortController();
    const p = proxied(["ignore-term"], { store: memoryStore(), signal: controller.signal, graceMs: 200 });
    await once(p.stdout, "data");
    p.stdout.resume();
    controller.abort("SIGTERM");
    expect(await p.exit).toBe(137);
  });

  test("a server that cannot be started is an error", async () => {
    const p = proxied([], { command: ["no-such-program-here"] });
    await expect(p.exit).rejects.toMatchObject({ code: "server_start_failed" });
  });

  test("exit codes of signals are the shell's", () => {
    expect(exitCode({ code: null, signal: "SIGKILL" })).toBe(137);
    expect(exitCode({ code: 3, signal: null })).toBe(3);
  });
});

describe("the proxy as a process", () => {
  const main = [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "fixtures/proxy-main.ts"),
  ];
  const [node = "", ...args] = main;

  test("a real client talks to a real server through it, and the spans arrive over OTLP", async () => {
    const spans: Span[] = [];
    await using receiver = await startReceiver({ onSpans: async (batch) => spans.push(...batch) });
    const client = new Client({ name: "test", version: "1" });
    const server = fixture("tiny-server").command;
    await client.connect(new StdioClientTransport({ command: node, args: [...args, receiver.url, ...server] }));
    const { content } = await client.callTool({ name: "echo", arguments: { text: "grüße 🎈" } });
    expect(content).toEqual([{ type: "text", text: '{"text":"grüße 🎈"}' }]);
    await client.close();
    expect(receiver.received()).toBe(spans.length);
    expect(spans.map((span) => span.name)).toContain("tools/call echo");
  });

  test("closing stdin ends it with everything passed on and every span delivered", async () => {
    await using receiver = await startReceiver({ onSpans: () => Promise.resolve() });
    const child = spawn(node, [...args, receiver.url, ...fixture("scripted", "echo").command], { stdio: "pipe" });
    const lines = Array.from({ length: 50 }, (_, id) => JSON.stringify({ id, method: "ping" }));
    child.stdin.end(`${lines.join("\n")}\n`);
    const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    expect([code, said]).toEqual([0, ""]);
    expect(out.trimEnd().split("\n")).toHaveLength(50);
    expect(receiver.received()).toBe(200);
  });

  test("SIGTERM ends proxy and server, no process is left", async () => {
    await using receiver = await startReceiver({ onSpans: () => Promise.resolve() });
    const child = spawn(node, [...args, receiver.url, ...fixture("scripted", "fork").command], { stdio: "pipe" });
    const [line] = (await once(child.stderr, "data")) as [Buffer];
    const forked = Number(/child (\d+)/.exec(line.toString())?.[1]);
    expect(isAlive(forked)).toBe(true);
    const said = text(child.stdout);
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number];
    // The end of stdout: nobody holds the pipe any more.
    await said;
    expect(code).toBe(143);
  });
});

describe("otlpExporter", () => {
  const answering =
    (response: Response, seen: string[] = []): typeof fetch =>
    async (url) => {
      seen.push(url as string);
      return response;
    };
  const send = (url: string, fetcher: typeof fetch) => otlpExporter({ url, fetch: fetcher })([plainSpan]);

  test("posts to /v1/traces below a base, or to the full URL", async () => {
    const seen: string[] = [];
    await send("http://h:4318/", answering(Response.json({}), seen));
    await send("http://h:4318/v1/traces", answering(Response.json({}), seen));
    expect(seen).toEqual(["http://h:4318/v1/traces", "http://h:4318/v1/traces"]);
  });

  test("a refusal, a partial success and an unreachable endpoint are failures", async () => {
    await expect(send("http://h", answering(new Response("", { status: 503 })))).rejects.toThrow("answered 503");
    const partial = Response.json({ partialSuccess: { rejectedSpans: "1" } });
    await expect(send("http://h", answering(partial))).rejects.toThrow("rejected 1 of 1 spans");
    await expect(send("http://h", () => Promise.reject(new Error("refused")))).rejects.toMatchObject({
      code: "store_write_failed",
      message: expect.stringContaining("could not be reached: refused"),
    });
  });
});
