import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isLoopback } from "../../../src/capture/http/admission.ts";
import { arms, isBelow, type ArmServer } from "../../../src/capture/http/arms.ts";
import { contentDecoder } from "../../../src/capture/http/content-coding.ts";
import { countLines, zeroCounts } from "../../../src/capture/http/counts.ts";
import { decodedHeader, endToEnd, mediaType, upstreamHeaders } from "../../../src/capture/http/headers.ts";
import { collector } from "../../../src/capture/http/request-body.ts";
import { sessions } from "../../../src/capture/http/sessions.ts";
import type { Scope } from "../../../src/capture/http/scope.ts";
import { isEndpoint, openUpstream, parseUpstream, upstreamTarget } from "../../../src/capture/http/upstream.ts";
import { seededRandom } from "../fixtures/commands.ts";

const server = (arm: ArmServer["arm"]): ArmServer => ({
  arm,
  upstream: openUpstream(new URL("http://127.0.0.1:1/"), 1),
  version: undefined,
  reported: { version: undefined },
});

describe("arms", () => {
  test("a fraction below the percentage is the canary's, at the edges too", () => {
    expect(isBelow(new Uint8Array([0, 0, 0, 0]), 0)).toBe(false);
    expect(isBelow(new Uint8Array([255, 255, 255, 255]), 100)).toBe(true);
    expect(isBelow(new Uint8Array([128, 0, 0, 0]), 50)).toBe(false);
    expect(isBelow(new Uint8Array([127, 255, 255, 255]), 50)).toBe(true);
  });

  test("a client's place is monotone in the weight: once at the canary it stays there when the weight rises", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 100 }), fc.double({ min: 0, max: 100 }), (key, a, b) => {
        const weight = { percent: Math.min(a, b) };
        const routing = arms({
          baseline: server("baseline"),
          canary: server("canary"),
          weight,
          random: seededRandom("a"),
        });
        const low = routing.forClient(key).arm;
        weight.percent = Math.max(a, b);
        if (low === "canary") expect(routing.forClient(key).arm).toBe("canary");
      }),
    );
  });

  test("a pin goes before the hash, and the oldest of very many is forgotten", () => {
    const canary = server("canary");
    const routing = arms({ baseline: server("baseline"), canary, weight: { percent: 0 }, random: seededRandom("a") });
    routing.pin("first", canary);
    expect(routing.forClient("first").arm).toBe("canary");
    for (let n = 0; n < 10_000; n += 1) routing.pin(`c${n}`, canary);
    expect([routing.forClient("first").arm, routing.forClient("c9999").arm]).toEqual(["baseline", "canary"]);
  });
});

describe("sessions", () => {
  const scope = (closed: string[], name: string): Scope =>
    ({ server: server("baseline"), session: undefined, close: () => closed.push(name) }) as unknown as Scope;

  test("above the limit the one that was not used for longest is closed and counted", () => {
    const counts = zeroCounts();
    const closed: string[] = [];
    const known = sessions(counts, 2);
    known.add("a", scope(closed, "a"));
    known.add("b", scope(closed, "b"));
    known.get("a");
    known.add("c", scope(closed, "c"));
    expect([closed, known.size(), counts.sessionsForgotten, counts.sessions.baseline]).toEqual([["b"], 2, 1, 3]);
    expect(countLines(counts)).toEqual(["whetstone: 1 sessions were forgotten because too many were open.\n"]);
    known.closeAll();
    expect(closed.sort()).toEqual(["a", "b", "c"]);
  });

  test("a session keeps the scope that it has", () => {
    const known = sessions(zeroCounts());
    const first = scope([], "first");
    known.add("a", first);
    const second = scope([], "second");
    known.add("a", second);
    expect([known.get("a") === first, first.session, second.session]).toEqual([true, "a", undefined]);
    known.end("no such session");
  });
});

describe("headers", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "B", "-", "x"), minLength: 1, maxLength: 4 });
  const value = fc.string({ unit: fc.constantFrom("a", ",", " ", "x"), maxLength: 6 });

  test("what is not of the connection stays, in order, spelling and number", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.array(name, { maxLength: 3 }), (pairs, named) => {
        const raw = [...pairs.flat(), "Connection", named.join(", "), "TE", "x"];
        const dropped = named.map((one) => one.toLowerCase());
        expect(endToEnd(raw)).toEqual(pairs.filter(([key]) => !dropped.includes(key.toLowerCase())).flat());
      }),
    );
  });

  test("a body of known length has that length, a chunked one stays chunked, none stays none", () => {
    const host = "h:1";
    expect(upstreamHeaders(["HOST", "x", "Content-Length", "5"], { host, bodyBytes: 7 })).toEqual([
      "Host",
      "h:1",
      "Content-Length",
      "7",
    ]);
    expect(upstreamHeaders(["Transfer-Encoding", "chunked"], { host, bodyBytes: 7 })).not.toContain("chunked");
    expect(upstreamHeaders(["transfer-encoding", "chunked"], { host })).toEqual([
      "Host",
      "h:1",
      "Transfer-Encoding",
      "chunked",
    ]);
    expect(upstreamHeaders(["Content-Length", "5"], { host })).toEqual(["Host", "h:1", "Content-Length", "5"]);
    expect(upstreamHeaders(["A", "b"], { host })).toEqual(["Host", "h:1", "A", "b"]);
  });

  test.each([
    ["application/json", "application/json"],
    ["Application/JSON ; charset=utf-8", "application/json"],
    [undefined, ""],
    [";", ""],
  ])("the media type of %j is %j", (given, expected) => {
    expect(mediaType(given)).toBe(expected);
  });

  test("a wrapped value is read back, any other is as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(decodedHeader(`=?base64?${Buffer.from(text).toString("base64")}?=`)).toBe(text);
      }),
    );
    for (const text of ["plain", "=?base64?", "=?base64?ä?=", ""]) expect(decodedHeader(text)).toBe(text);
  });
});

describe("content codings", () => {
  const decode = async (coding: string, bytes: Uint8Array, limitBytes = 1_000) => {
    let length = 0;
    const decoder = contentDecoder(coding, { limitBytes, onBytes: (part) => (length += part.length) });
    decoder?.push(bytes);
    return { isRead: await decoder?.end(), length };
  };
  const content = Buffer.from("x".repeat(500));

  test.each([
    ["gzip", gzipSync(content)],
    ["X-GZIP", gzipSync(content)],
    ["deflate", deflateSync(content)],
    ["br", brotliCompressSync(content)],
    ["zstd", zstdCompressSync(content)],
  ])("%s is read", async (coding, bytes) => {
    expect(await decode(coding, bytes)).toEqual({ isRead: true, length: 500 });
  });

  test("a body that decodes to more than the limit is given up, whatever it would become", async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const { isRead, length } = await decode("gzip", bomb, 100_000);
    expect([isRead, length <= 100_000]).toEqual([false, true]);
  });

  test("half a body, a broken one and an unknown coding are not read", async () => {
    expect((await decode("gzip", gzipSync(content).subarray(0, 20))).isRead).toBe(false);
    expect((await decode("br", Buffer.from("no brotli at all"))).isRead).toBe(false);
    expect((await decode("compress", content)).isRead).toBeUndefined();
  });
});

describe("collector", () => {
  test("gives the bytes while they fit, and the budget back in any case", () => {
    const budget = { messageBytes: 10, totalBytes: 15, heldBytes: 0 };
    const [first, second] = [collector(budget), collector(budget)];
    first.add(new Uint8Array(9));
    second.add(new Uint8Array(9));
    expect(budget.heldBytes).toBe(9);
    expect([first.take()?.length, second.take()]).toEqual([9, undefined]);
    expect(budget.heldBytes).toBe(0);
    const third = collector(budget);
    third.add(new Uint8Array(6));
    third.add(new Uint8Array(6));
    third.add(new Uint8Array(1));
    expect([third.take(), budget.heldBytes]).toEqual([undefined, 0]);
  });
});

describe("names and targets", () => {
  test.each(["localhost", "LocalHost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])(
    "%s is loopback",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );
  test.each(["", "0.0.0.0", "localhost.example", "127.0.0.1.example", "1127.0.0.1", "10.0.0.1", "::", "127.1.example"])(
    "%j is not",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );

  test("the canary's path may be another than the baseline's", () => {
    const [baseline, canary] = [new URL("http://h/v1/mcp"), new URL("http://h/v2/mcp")];
    const target = "/v1/mcp?x=1";
    expect(upstreamTarget(target, canary, isEndpoint(target, baseline))).toBe("/v2/mcp?x=1");
    expect(upstreamTarget("/health", canary, isEndpoint("/health", baseline))).toBe("/health");
  });

  test.each(["", "h", "h:1", "ftp://h/", "//h", "http://", "http://user@h/", "http://:pw@h/"])(
    "%j is no upstream",
    (text) => {
      expect(() => parseUpstream(text)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );

  test("the port of an upstream is stated also where the URL leaves it out", () => {
    const portOf = (url: string) => openUpstream(new URL(url), 1).attributes;
    expect(portOf("https://h.example/mcp")).toEqual({ "server.address": "h.example", "server.port": 443 });
    expect(portOf("http://[::1]/mcp")).toEqual({ "server.address": "::1", "server.port": 80 });
  });
});
