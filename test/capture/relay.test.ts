import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { startRelay, type RelayOptions } from "../../src/capture/relay.ts";
import type { Span } from "../../src/model/span.ts";
import { manualClock } from "../../src/model/time.ts";
import { seededRandom } from "./fixtures/commands.ts";

/** A relay between four in-memory streams that the test holds the other ends of. */
function relayed(options: Partial<RelayOptions> = {}) {
  const streams = {
    fromClient: new PassThrough(),
    toClient: new PassThrough(),
    fromServer: new PassThrough(),
    toServer: new PassThrough(),
  };
  const batches: (readonly Span[])[] = [];
  const relay = startRelay({
    identity: { service: "s" },
    clock: manualClock(),
    random: seededRandom("relay"),
    client: { input: streams.fromClient, output: streams.toClient },
    server: { input: streams.fromServer, output: streams.toServer },
    onSpans: (spans) => batches.push(spans),
    ...options,
  });
  return { ...streams, relay, batches };
}

const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 20 });

describe("startRelay", () => {
  test("any bytes in any chunks come out on the other side as they went in, both ways", async () => {
    await fc.assert(
      fc.asyncProperty(chunks, chunks, async (up, down) => {
        const r = relayed();
        const received = Promise.all([buffer(r.toServer), buffer(r.toClient)]);
        for (const chunk of up) r.fromClient.write(chunk);
        for (const chunk of down) r.fromServer.write(chunk);
        r.fromClient.end();
        await r.relay.clientEnded;
        r.fromServer.end();
        await r.relay.closed;
        const [toServer, toClient] = await received;
        expect(toServer).toEqual(Buffer.concat(up));
        expect(toClient).toEqual(Buffer.concat(down));
      }),
      { numRuns: 50 },
    );
  });

  test("makes spans, and hands them over together", async () => {
    const r = relayed();
    r.toServer.resume();
    r.toClient.resume();
    const asked = JSON.stringify({ id: 1, method: "tools/call", params: { name: "a" } });
    r.fromClient.end(`${asked}\n{"id":2,"method":"ping"}\n`);
    await r.relay.clientEnded;
    r.fromServer.end('{"id":1,"result":{}}\n{"id":2,"result":{}}');
    expect(await r.relay.closed).toEqual({ faults: 0 });
    expect(r.batches.flat().map((span) => span.name)).toEqual(["tools/call a", "tools/call a", "ping", "ping"]);
    expect(r.batches.length).toBeLessThanOrEqual(2);
  });

  test("who started the connection is the parent of messages that carry no context, and of those alone", async () => {
    const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), flags: "01" };
    const own = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
    const r = relayed({ parent });
    r.toServer.resume();
    r.toClient.resume();
    const carrying = JSON.stringify({ id: 2, method: "ping", params: { _meta: { traceparent: own } } });
    r.fromClient.end(`{"id":1,"method":"ping"}\n${carrying}\n`);
    await r.relay.clientEnded;
    r.fromServer.end('{"id":1,"result":{}}\n{"id":2,"result":{}}');
    await r.relay.closed;
    const servers = r.batches.flat().filter(({ kind }) => kind === "server");
    expect(servers.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
      [parent.traceId, parent.spanId],
      ["c".repeat(32), "d".repeat(16)],
    ]);
  });

  test("the end of the server ends the relay while the client stays open, and ends open requests", async () => {
    const r = relayed();
    r.toServer.resume();
    const toClient = buffer(r.toClient);
    r.fromClient.write('{"id":1,"method":"ping"}\n');
    r.fromServer.end("half a li");
    await r.relay.closed;
    expect((await toClient).toString()).toBe("half a li");
    expect(r.toServer.writableEnded).toBe(true);
    expect(r.batches.flat().map((span) => span.attributes["error.type"])).toEqual(["transport", "transport"]);
  });

  test("a client that goes away ends the relay, with the error told", async () => {
    const r = relayed();
    r.toServer.resume();
    r.toClient.destroy(new Error("broken pipe"));
    const { error } = await r.relay.closed;
    expect(error?.message).toBe("broken pipe");
    expect(r.toServer.writableEnded).toBe(true);
  });

  test("a reader that does not read stops the writer: backpressure", async () => {
    const r = relayed();
    const line = Buffer.from(`${"x".repeat(65_535)}\n`);
    let written = 0;
    while (r.fromServer.write(line) && written < 1_000) written += 1;
    await new Promise((resolve) => setImmediate(resolve));
    expect(r.fromServer.isPaused()).toBe(true);
    const read = buffer(r.toClient);
    r.fromServer.end();
    expect((await read).length).toBe((written + 1) * line.length);
    r.toServer.resume();
    await r.relay.closed;
  });

  test("a consumer that throws is counted and the traffic goes on", async () => {
    const r = relayed({
      onSpans: () => {
        throw new Error("no room");
      },
    });
    r.toServer.resume();
    const toClient = buffer(r.toClient);
    r.fromClient.end('{"method":"notifications/initialized"}\n');
    await r.relay.clientEnded;
    r.fromServer.end("bye\n");
    expect(await r.relay.closed).toEqual({ faults: 1 });
    expect((await toClient).toString()).toBe("bye\n");
  });
});
