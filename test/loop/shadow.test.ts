import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SHADOW_LIMITS, type ShadowLimits, type ShadowPeer } from "../../src/capture/mirror.ts";
import { startShadow } from "../../src/capture/shadow.ts";
import { openShadow } from "../../src/loop/shadow.ts";
import { reportShadow, ShadowReport } from "../../src/loop/shadow-report.ts";
import type { CallResult, WorkloadCall } from "../../src/model/call.ts";
import { manualClock } from "../../src/model/time.ts";
import { systemClock } from "../capture/fixtures/commands.ts";
import { ask, json, recording, rpc } from "../capture/http/parts.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { startWhetstone } from "../support/whetstone.ts";

/** `search` only reads and says when; `write` writes; `peek` only reads and may not be called again. */
const SERVER = `import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
const [who, hits] = process.argv.slice(2);
const tool = (name, readOnlyHint) => ({ name, inputSchema: { type: "object" }, annotations: { readOnlyHint } });
const text = (value) => ({ content: [{ type: "text", text: JSON.stringify(value) }] });
const call = ({ name, arguments: args }) => {
  appendFileSync("calls.log", who + " " + name + "\\n");
  return text({ q: args.q, hits: args.q === "b" ? Number(hits) : 1, at: process.hrtime.bigint().toString() });
};
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } }),
  "tools/list": () => ({ tools: [tool("search", true), tool("write", false), tool("peek", true)] }),
  "tools/call": call,
};
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method](params ?? {}) }) + "\\n");
});
`;

const line = (id: number, method: string, params: object = {}): string =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
const calling = (id: number, name: string, q: string): string => line(id, "tools/call", { name, arguments: { q } });
const HELLO = line(1, "initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

describe("a shadow beside the proxy", () => {
  test("calls again what only reads and is allowed, compares without the noise, and answers nobody", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "server.mjs"), SERVER);
    const shadow = `--shadow-command|${process.execPath} server.mjs candidate 7|--shadow-report|shadow.json`;
    const allowed = ["--shadow-allow", "search", "--shadow-allow", "write"];
    const baseline = ["--", process.execPath, "server.mjs", "baseline", "5"];
    const { child, ended } = startWhetstone(
      ["proxy", "--db", "spans.db", ...shadow.split("|"), ...allowed, ...baseline],
      { cwd: folder.path, keepInput: true },
    );
    const requests = [HELLO, line(2, "tools/list"), ...["a", "b", "c"].map((q, i) => calling(3 + i, "search", q))];
    requests.push(calling(6, "write", "a"), calling(7, "peek", "a"));
    // One after the other, so that the tools are known before they are called.
    let answers = 0;
    child.stdout?.on("data", (chunk: string) => {
      answers += chunk.split("\n").length - 1;
      if (answers >= requests.length) child.stdin?.end();
      else if (answers === 2) child.stdin?.write(requests.slice(2).join(""));
    });
    child.stdin?.write(requests.slice(0, 2).join(""));
    const { code, out, err } = await ended;
    expect(code).toBe(0);
    const ids = out
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text).id as number);
    expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(out).not.toContain('\\"hits\\":7');
    const report = ShadowReport.parse(JSON.parse(await readFile(join(folder.path, "shadow.json"), "utf8")));
    expect(report.tools).toEqual([
      {
        tool: "search",
        calls: 3,
        differing: 1,
        differences: [{ path: expect.stringMatching(/hits$/), baseline: "5", candidate: "7" }],
        noise: [expect.stringMatching(/\.at$/)],
      },
    ]);
    expect(report.skipped).toEqual({ notReadOnly: 1, notAllowed: 1, dropped: 0 });
    expect(report.judged?.calls).toEqual({ control: 3, experiment: 3 });
    expect(err).toContain("search: 1 of 3 calls differ");
    const calls = (await readFile(join(folder.path, "calls.log"), "utf8")).trim().split("\n");
    // Three by the client, three by the reference; what writes was done once.
    expect(calls.filter((call) => call === "baseline search")).toHaveLength(6);
    expect(calls.filter((call) => call === "candidate search")).toHaveLength(3);
    expect(calls.filter((call) => call.endsWith("write"))).toEqual(["baseline write"]);
    expect(calls.filter((call) => call.endsWith("peek"))).toEqual(["baseline peek"]);
  });

  test("on HTTP: calls again, says what it found and writes its report at the end", async () => {
    await using folder = await temporaryFolder();
    const serve = (n: number) =>
      recording((got, response) => {
        const { id, method } = JSON.parse(got.body) as { id: number | string; method: string };
        const tools = [{ name: "search", annotations: { readOnlyHint: true } }];
        json(response, { jsonrpc: "2.0", id, result: method === "tools/list" ? { tools } : { n } });
      });
    await using baseline = await serve(1);
    await using candidate = await serve(2);
    const upstreams = ["--upstream", baseline.url.href, "--shadow-upstream", candidate.url.href];
    const shadow = ["--shadow-allow", "search", "--shadow-report", "shadow.json"];
    const { child, ended } = startWhetstone(
      ["proxy", "--db", "spans.db", "--json", "--listen", "0", ...upstreams, ...shadow],
      { cwd: folder.path },
    );
    let said = "";
    const listening = Promise.withResolvers<number>();
    child.stdout?.on("data", (chunk: string) => {
      said += chunk;
      if (said.includes("\n")) listening.resolve((JSON.parse(said.split("\n")[0] ?? "") as { port: number }).port);
    });
    const port = await listening.promise;
    await ask(port, { body: rpc(0, "tools/list") });
    await ask(port, { body: rpc(1, "tools/call", { name: "search", arguments: {} }) });
    child.kill("SIGTERM");
    const { code, err } = await ended;
    expect([code, err]).toEqual([0, expect.stringContaining("search: 1 of 1 calls differ")]);
    const report = ShadowReport.parse(JSON.parse(await readFile(join(folder.path, "shadow.json"), "utf8")));
    expect(report.tools).toMatchObject([
      { tool: "search", differences: [{ path: "$.n", baseline: "1", candidate: "2" }] },
    ]);
  });

  test.each([
    [["--shadow-command", "x", "--listen", "0", "--upstream", "http://127.0.0.1:1/mcp"], "is for stdio"],
    [["--shadow-upstream", "http://127.0.0.1:1/mcp", "--shadow-allow", "t", "--", "y"], "needs --listen"],
    [
      ["--listen", "0", "--upstream", "http://127.0.0.1:1/", "--shadow-upstream", "ftp://x", "--shadow-allow", "t"],
      "is no http",
    ],
    [["--shadow-reference", "http://127.0.0.1:1/", "--", "y"], "needs --shadow-upstream"],
    [["--shadow-command", "x", "--", "y"], "needs --shadow-allow"],
    [["--shadow-allow", "x", "--", "y"], "need a shadow"],
    [["--shadow-command", "x", "--shadow-allow", "t", "--canary-command", "z", "--", "y"], "exclude each other"],
  ])("%j is refused", async (args, why) => {
    await using folder = await temporaryFolder();
    const { code, err } = await startWhetstone(["proxy", ...args], { cwd: folder.path }).ended;
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  });
});

/** A shadow over streams that the test writes, with peers that answer at once. */
function shadowed(limits: Partial<ShadowLimits> = {}, peer?: ShadowPeer) {
  const [client, server] = [new PassThrough(), new PassThrough()];
  const made: string[] = [];
  const answer =
    (who: string): ShadowPeer =>
    (call: WorkloadCall, key: string) => {
      made.push(`${who} ${call.tool}`);
      return Promise.resolve({ key, tool: call.tool, status: "ok", durationMs: 1, result: { n: 1 } });
    };
  const shadow = startShadow({
    allow: ["read"],
    candidate: peer ?? answer("candidate"),
    reference: answer("reference"),
    clock: manualClock(),
    limits,
  });
  shadow.watch({ client, server });
  const say = async (stream: PassThrough, text: string): Promise<void> => {
    stream.write(text);
    await new Promise((done) => setImmediate(done));
  };
  const tools = (annotations: object): string =>
    `${JSON.stringify({ jsonrpc: "2.0", id: 0, result: { tools: [{ name: "read", annotations }] } })}\n`;
  const list = async (annotations: object): Promise<void> => {
    await say(client, line(0, "tools/list"));
    await say(server, tools(annotations));
  };
  const call = async (id: number, result: object = { n: 1 }): Promise<void> => {
    await say(client, calling(id, "read", "a"));
    await say(server, `${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
  };
  return { shadow, made, list, call, say, client, server };
}

describe("which calls are made again", () => {
  test("none before the server said that the tool only reads, and none once it says otherwise", async () => {
    const { shadow, made, list, call } = shadowed();
    await call(1);
    await list({ readOnlyHint: true });
    await call(2);
    await list({ readOnlyHint: false });
    await call(3);
    await list({});
    await call(4);
    expect((await shadow.finish()).skipped).toEqual({ notReadOnly: 3, notAllowed: 0, dropped: 0 });
    expect(made.toSorted()).toEqual(["candidate read", "reference read"]);
  });

  test("no more than the limits allow; the rest is counted", async () => {
    const { shadow, list, call } = shadowed({ calls: 2 });
    await list({ readOnlyHint: true });
    for (const id of [1, 2, 3]) await call(id);
    const { triples, skipped } = await shadow.finish();
    expect([triples.length, skipped.dropped]).toEqual([2, 1]);
    const small = shadowed({ answerLength: 20 });
    await small.list({ readOnlyHint: true });
    await small.call(1, { text: "x".repeat(30) });
    expect((await small.shadow.finish()).skipped.dropped).toBe(1);
    const stuck = Promise.withResolvers<CallResult>();
    const busy = shadowed({ waiting: 1 }, () => stuck.promise);
    await busy.list({ readOnlyHint: true });
    await busy.call(1);
    await busy.call(2);
    stuck.resolve({ key: "shadow/1", tool: "read", status: "ok", durationMs: 1, result: null });
    expect((await busy.shadow.finish()).skipped.dropped).toBe(1);
    expect(SHADOW_LIMITS.waiting).toBeGreaterThan(1);
  });

  test("whatever comes over the wire, nothing throws and nothing is made up", async () => {
    const message = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ jsonrpc: fc.constant("2.0"), id: fc.nat(3), result: fc.jsonValue() }).map((m) => JSON.stringify(m)),
      fc
        .record({
          jsonrpc: fc.constant("2.0"),
          id: fc.nat(3),
          method: fc.constantFrom("tools/call", "tools/list"),
          params: fc.jsonValue(),
        })
        .map((m) => JSON.stringify(m)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), message), { maxLength: 20 }), async (lines) => {
        const { shadow, made, say, client, server } = shadowed();
        for (const [isClient, text] of lines) await say(isClient ? client : server, `${text}\n`);
        const { triples } = await shadow.finish();
        expect(made.length).toBe(2 * triples.length);
      }),
      { numRuns: 40 },
    );
  });
});

describe("the report", () => {
  const result = (status: CallResult["status"], value: CallResult["result"]): CallResult => ({
    key: "shadow/1",
    tool: "read",
    status,
    durationMs: 1,
    result: value,
  });

  test("a candidate that does not start differs in every call", async () => {
    await using shadow = openShadow({
      candidate: ["./no-such-program"],
      baseline: ["./no-such-program"],
      place: { cwd: ".", env: {} },
      allow: ["read"],
      clock: systemClock,
      timeoutMs: 1_000,
    });
    const [client, server] = [new PassThrough(), new PassThrough()];
    shadow.watch({ client, server });
    client.write(line(0, "tools/list") + calling(1, "read", "a"));
    const tools = [{ name: "read", annotations: { readOnlyHint: true } }];
    await new Promise((done) => setImmediate(done));
    server.write(`${JSON.stringify({ jsonrpc: "2.0", id: 0, result: { tools } })}\n`);
    server.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, result: { n: 1 } })}\n`);
    await new Promise((done) => setImmediate(done));
    const report = await shadow.finish();
    expect(report.tools).toMatchObject([{ calls: 1, differing: 1, differences: [{ candidate: "transport" }] }]);
  });

  test("nothing called again, nothing judged; structure that differs is never noise", () => {
    const skipped = { notReadOnly: 0, notAllowed: 0, dropped: 0 };
    expect(reportShadow({ triples: [], skipped })).toMatchObject({ tools: [], judged: null });
    const triple = {
      baseline: result("ok", { at: 1 }),
      reference: result("ok", { at: 2 }),
      candidate: result("ok", { at: 3, more: true }),
    };
    const [tool] = reportShadow({ triples: [triple], skipped }).tools;
    expect(tool).toMatchObject({
      noise: ["$.at"],
      differing: 1,
      differences: [{ path: "$.more", baseline: "absent" }],
    });
  });
});
