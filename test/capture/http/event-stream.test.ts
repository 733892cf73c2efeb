import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { eventStream, type Passing } from "../../../src/capture/http/event-stream.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString("utf8");

/** A stream whose reader takes everything that is JSON, and writes `mark` before it. */
function watched({ mark = "", limitBytes = 1_000 } = {}) {
  const read: string[] = [];
  const passed: string[] = [];
  const stream = eventStream({
    limitBytes,
    read: (bytes) => {
      const text = decode([bytes]);
      try {
        JSON.parse(text);
      } catch {
        return undefined;
      }
      read.push(text);
      return { bytes: mark === "" ? bytes : encode(mark + text), passed: () => passed.push(text) };
    },
  });
  const take = ({ parts, passed: say }: Passing): string => {
    const text = decode(parts);
    say();
    return text;
  };
  return {
    push: (text: string) => take(stream.push(encode(text))),
    end: () => take(stream.end()),
    read,
    passed,
    stream,
  };
}

describe("eventStream", () => {
  test("reads the message of each event and passes the bytes as they are", () => {
    const s = watched();
    const text = 'event: message\nid: 7\ndata: {"a":1}\n\n: c\n\ndata:{"b":2}\r\n\r\n';
    expect(s.push(text) + s.end()).toBe(text);
    expect(s.read).toEqual(['{"a":1}', '{"b":2}']);
    expect(s.passed).toEqual(s.read);
    expect(s.stream.isResumable()).toBe(true);
  });

  test("is resumable only when events have ids", () => {
    const s = watched();
    s.push("event: id\ndata: id: 3\nidea: 1\n\n");
    expect(s.stream.isResumable()).toBe(false);
  });

  test("writes what the reader gives in the place of the message, and nothing else", () => {
    const s = watched({ mark: "+" });
    expect(s.push('id: 1\ndata: {"a":1}\r\n: x\n\ndata: no json\n\n')).toBe(
      'id: 1\ndata: +{"a":1}\r\n: x\n\ndata: no json\n\n',
    );
  });

  test("a message over several data lines is read when its event ends, and not changed", () => {
    const s = watched({ mark: "+" });
    const text = 'data: {"a":\ndata: 1}\n\n';
    expect(s.push(text)).toBe(text);
    expect(s.read).toEqual(['{"a":\n1}']);
    expect(s.passed).toEqual(s.read);
  });

  test("an empty data line primes a client and is no message", () => {
    const s = watched();
    s.push('id: 1\nretry: 5\ndata: \n\ndata: {"a":1}\n\n');
    expect(s.read).toEqual(['{"a":1}']);
  });

  test("messages above the limit pass unread and are counted, in one line and in several", () => {
    const s = watched({ limitBytes: 20 });
    const text = `data: {"a":"${"x".repeat(40)}"}\n\ndata: [\ndata: "${"y".repeat(9)}",\ndata: "${"y".repeat(9)}"\ndata: ]\n\ndata: {}\n\n`;
    expect(s.push(text.slice(0, 30)) + s.push(text.slice(30))).toBe(text);
    expect([s.read, s.stream.unread()]).toEqual([["{}"], 2]);
  });

  test("what is left at the end goes on", () => {
    const s = watched();
    expect(s.push('data: {"a"') + s.end()).toBe('data: {"a"');
    expect(s.read).toEqual([]);
  });

  test("reads the same messages wherever the stream is cut, and changes no byte", () => {
    const event = fc
      .tuple(fc.jsonValue(), fc.constantFrom("\n", "\r\n", "\r"), fc.boolean())
      .map(([value, end, id]) => ({
        text: `${id ? `id: 1${end}` : ""}: c${end}data: ${JSON.stringify(value)}${end}${end}`,
        message: JSON.stringify(value),
      }));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (events, cuts) => {
        const text = events.map((one) => one.text).join("");
        const s = watched();
        const places = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
        let at = 0;
        let out = "";
        for (const place of [...places, text.length]) {
          out += s.push(text.slice(at, place));
          at = place;
        }
        expect(out + s.end()).toBe(text);
        expect(s.read).toEqual(events.map((one) => one.message));
      }),
    );
  });
});
