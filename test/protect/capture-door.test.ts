import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CONTENT_ATTRIBUTES, isContentAttribute } from "../../src/model/content.ts";
import type { Json } from "../../src/model/json.ts";
import type { Span } from "../../src/model/span.ts";
import { captureDoor } from "../../src/protect/capture-door.ts";
import { plantedForm } from "./planted.ts";

const span = (changes: Partial<Span> = {}): Span => ({
  traceId: "1".repeat(32),
  spanId: "2".repeat(16),
  kind: "server",
  name: "tools/call search",
  service: "notes",
  startNs: 1n,
  durationNs: 1,
  status: "unset",
  attributes: { "mcp.method.name": "tools/call" },
  events: [],
  links: [],
  resource: { "service.name": "notes" },
  scope: { name: "test" },
  ...changes,
});
const text = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) => (typeof member === "bigint" ? String(member) : member));
const AKIA = "AKIAABCDEFGHIJKLMNOP";

describe("content", () => {
  test.each(CONTENT_ATTRIBUTES.map((name) => name.replaceAll("*", "x")))("%s is dropped and counted", (name) => {
    const door = captureDoor();
    expect(door.span(span({ attributes: { [name]: "said", kept: 1 } })).attributes).toEqual({ kept: 1 });
    expect(door.counts()).toEqual({ contentDropped: 1, redacted: 0, truncatedBytes: 0, faults: 0 });
  });

  test.each([
    "mcp.method.name",
    "mcp.session.id",
    "mcp.protocol.version",
    "mcp.resource.uri",
    "mcp.tool.result.is_error",
    "mcp.tool.result.content_count",
    "gen_ai.tool.name",
    "gen_ai.prompt.name",
    "gen_ai.usage.input_tokens",
    "session.id",
    "service.name",
  ])("%s is no content and no secret", (name) => {
    expect(isContentAttribute(name)).toBe(false);
    const given = span({ attributes: { [name]: "value-1" } });
    expect(captureDoor().span(given)).toBe(given);
  });

  test("in events is dropped too", () => {
    const events = [{ name: "gen_ai.content.prompt", timeNs: 1n, attributes: { "gen_ai.prompt": "said", n: 1 } }];
    const door = captureDoor();
    expect(door.span(span({ events })).events[0]?.attributes).toEqual({ n: 1 });
    expect(door.counts().contentDropped).toBe(1);
  });

  test("asked for is kept, redacted and cut; the span says how much is missing", () => {
    const door = captureDoor({ captureContent: true, redact: { maxBytes: 256 } });
    const { attributes } = door.span(
      span({
        attributes: {
          "gen_ai.tool.call.arguments": { q: "cats", password: "hunter2" },
          "gen_ai.tool.call.result": { content: [{ type: "text", text: "x".repeat(1_000) }] },
          "gen_ai.prompt.variable.api_key": "abc",
          "whetstone.truncated_bytes": 5,
        },
      }),
    );
    expect(attributes["gen_ai.tool.call.arguments"]).toEqual({ q: "cats", password: "[redacted: key password]" });
    expect(attributes["gen_ai.prompt.variable.api_key"]).toBe("[redacted: key api-key]");
    const result = attributes["gen_ai.tool.call.result"] as string;
    const [, kept, whole] = / \[cut: (\d+) of (\d+) bytes\]$/.exec(result) ?? [];
    expect(attributes["whetstone.truncated_bytes"]).toBe(Number(whole) - Number(kept) + 5);
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(256);
    expect(door.counts()).toMatchObject({ redacted: 2, truncatedBytes: Number(whole) - Number(kept) });
  });

  test("is kept as each service's rules say, before the common ones", () => {
    const services = {
      open: { content: true, redact: { keys: ["iban"] } },
      closed: { content: false },
      silent: {},
    };
    const attributes = { "gen_ai.tool.call.arguments": { iban: "DE02", q: 1 } };
    const kept = (service: string, captureContent: boolean): Json | undefined =>
      captureDoor({ captureContent, services }).span(span({ service, attributes })).attributes[
        "gen_ai.tool.call.arguments"
      ];
    expect(kept("open", false)).toEqual({ iban: "[redacted: key iban]", q: 1 });
    expect(kept("closed", true)).toBeUndefined();
    expect(kept("silent", true)).toEqual({ iban: "DE02", q: 1 });
    expect(kept("silent", false)).toBeUndefined();
    expect(kept("__proto__", true)).toEqual({ iban: "DE02", q: 1 });
  });
});

describe("everything else", () => {
  test("loses secrets wherever they stand, with capture or without", () => {
    const places: readonly ((secret: string) => Partial<Span>)[] = [
      (secret) => ({ attributes: { "mcp.resource.uri": `db://x/?q=${secret}` } }),
      (secret) => ({ attributes: { "url.full": [`https://example.org/${secret}`] } }),
      (secret) => ({ attributes: { map: { inner: [secret] } } }),
      (secret) => ({ attributes: { "http.request.header.authorization": [secret] } }),
      (secret) => ({ status: "error", statusMessage: `refused: ${secret}` }),
      (secret) => ({ name: `GET ${secret}` }),
      (secret) => ({ events: [{ name: "exception", timeNs: 1n, attributes: { "exception.stacktrace": secret } }] }),
      (secret) => ({ links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: { note: secret } }] }),
      (secret) => ({ scope: { name: "s", attributes: { note: `of ${secret}` } } }),
      (secret) => ({ resource: { "service.name": "notes", "process.command_line": `run ${secret}` } }),
      (secret) => ({ attributes: { "gen_ai.tool.call.result": { text: secret } } }),
    ];
    fc.assert(
      fc.property(
        plantedForm,
        fc.constantFrom(...places),
        fc.boolean(),
        ({ secret, written }, place, captureContent) => {
          const door = captureDoor({ captureContent });
          const cleaned = door.span(span(place(written)));
          expect(text(cleaned)).not.toContain(secret);
          expect(door.span(cleaned)).toBe(cleaned);
        },
      ),
    );
  });

  test("is told by an attribute's name", () => {
    const attributes = {
      "http.request.header.cookie": ["a=b"],
      "db.password": "x",
      "auth.token": 12,
      "has.token": true,
    };
    expect(captureDoor().span(span({ attributes })).attributes).toEqual({
      "http.request.header.cookie": "[redacted: key cookie]",
      "db.password": "[redacted: key password]",
      "auth.token": "[redacted: key token]",
      "has.token": true,
    });
  });

  test("a span without any comes back as the same object; resources are looked at once", () => {
    const door = captureDoor();
    const plain = span({ statusMessage: "not found", attributes: { __proto__x: 1, n: null } });
    expect(door.span(plain)).toBe(plain);
    const resource = { note: AKIA };
    const [a, b] = [door.span(span({ resource })), door.span(span({ resource }))];
    expect(a.resource).toBe(b.resource);
    expect(a.resource).toEqual({ note: "[redacted: AWS access key id]" });
  });

  test("a fault drops the value, counts it and never reaches the traffic", () => {
    const broken = {
      get inner(): Json {
        throw new Error("broken");
      },
    };
    const door = captureDoor({ captureContent: true });
    const { attributes } = door.span(span({ attributes: { "gen_ai.tool.call.result": broken, map: broken, kept: 1 } }));
    expect(attributes).toEqual({ kept: 1 });
    expect(door.counts().faults).toBe(2);
  });
});
