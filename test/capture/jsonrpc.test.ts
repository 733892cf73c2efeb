import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { idText, readMessages } from "../../src/capture/jsonrpc.ts";

const read = (text: string) => readMessages(text).map(({ message }) => message);

describe("readMessages", () => {
  test("requests, notifications, results and errors are told apart", () => {
    expect(read('{"jsonrpc":"2.0","id":1,"method":"ping"}')).toEqual([
      { kind: "request", id: "1", method: "ping", params: {} },
    ]);
    expect(read('{"method":"notifications/x","params":{"a":1}}')).toEqual([
      { kind: "notification", method: "notifications/x", params: { a: 1 } },
    ]);
    expect(read('{"id":"x","result":null}')).toEqual([{ kind: "result", id: '"x"', result: null }]);
    expect(read('{"id":2,"error":{"code":-32601,"message":"no"}}')).toEqual([
      { kind: "error", id: "2", code: -32601, message: "no" },
    ]);
  });

  test("a request whose id is null is a notification; an answer without an id is none", () => {
    expect(read('{"id":null,"method":"ping"}')).toMatchObject([{ kind: "notification" }]);
    expect(read('{"id":null,"error":{"code":-32700,"message":"parse"}}')).toEqual([]);
  });

  test("params that are no object count as none", () => {
    expect(read('{"id":1,"method":"a","params":[1]}')).toMatchObject([{ params: {} }]);
  });

  test.each(["", "\n", "hello", "{", "17", "null", '"x"', "{}", "[]", '{"id":1}', "[1,null,[]]"])(
    "%j holds none",
    (text) => {
      expect(readMessages(text)).toEqual([]);
    },
  );

  test("each message of a batch is found at its place", () => {
    const text = ' [ {"id":1,"method":"a"} , 7, {"id":2,"result":{}}]\r\n';
    const found = readMessages(text);
    expect(found.map(({ message, start }) => [message.kind, text.slice(start, start + 7)])).toEqual([
      ["request", '{"id":1'],
      ["result", '{"id":2'],
    ]);
  });

  test("any text is read without a fault, and every place is that of an object", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        for (const { start } of readMessages(text)) expect(text[start]).toBe("{");
      }),
    );
  });
});

describe("ids", () => {
  test("an id goes through as its text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.string()), (id) => {
        const [message] = read(JSON.stringify({ id, method: "m" }));
        expect(message?.kind === "request" && idText(message.id)).toBe(String(id));
      }),
    );
  });

  test("a number and the same digits as text are two ids; a whole number has one form", () => {
    const idOf = (text: string) => read(`{"id":${text},"method":"m"}`).map((message) => "id" in message && message.id);
    expect(idOf("1")).not.toEqual(idOf('"1"'));
    expect(idOf("1.0")).toEqual(idOf("1"));
    expect(idOf("1.5")).toEqual(["1.5"]);
  });
});
