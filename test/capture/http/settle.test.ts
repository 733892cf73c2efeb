import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { outcomeOfUnanswered, type Ended } from "../../../src/capture/http/settle.ts";

const base: Ended = { how: "answered", status: 200, isModern: false, inSession: false, isNamedOnly: false };
const seen = { unread: 0, isResumable: false };
const resumable = { unread: 0, isResumable: true };
const transport = { kind: "unanswered", errorType: "transport" };

describe("outcomeOfUnanswered", () => {
  test.each<[string, Partial<Ended>, unknown]>([
    ["an answer without one for this request", { seen }, transport],
    ["accepted", { status: 202, seen }, { kind: "sent" }],
    ["refused", { status: 404, seen }, { kind: "http", status: 404 }],
    [
      "refused with an error that names nobody",
      { status: 400, seen: { ...seen, error: { kind: "error", code: -32600, message: "m" } } },
      { kind: "error", code: -32600, message: "m" },
    ],
    ["an answer that could not be read", { seen: { unread: 1, isResumable: false } }, { kind: "result" }],
    ["a request of which only the headers are known", { isNamedOnly: true, seen }, { kind: "sent" }],
    ["no upstream", { how: "upstream_gone", status: undefined }, transport],
    ["a broken stream", { how: "upstream_gone", seen }, transport],
    ["a broken stream that may go on", { how: "upstream_gone", inSession: true, seen: resumable }, undefined],
    ["a stream that ends to go on", { inSession: true, seen: resumable }, undefined],
    ["a client that left and may come back", { how: "client_gone", inSession: true, seen: resumable }, undefined],
    ["a client that left a stream without ids", { how: "client_gone", inSession: true, seen }, transport],
    ["ids without a session", { how: "client_gone", seen: resumable }, transport],
    [
      "closing a stateless stream cancels",
      { how: "client_gone", isModern: true, seen: resumable },
      { kind: "unanswered", errorType: "cancelled" },
    ],
    ["a stateless stream is not resumed", { isModern: true, inSession: true, seen: resumable }, transport],
  ])("%s", (_what, ended, outcome) => {
    const expected = outcomeOfUnanswered({ ...base, ...ended });
    if (outcome === undefined) expect(expected).toBeUndefined();
    else expect(expected).toMatchObject(outcome as object);
  });

  test("nothing stays open but a stream of a session on the older wire whose events had ids", () => {
    const any = fc.record({
      how: fc.constantFrom("answered", "client_gone", "upstream_gone"),
      status: fc.constantFrom(undefined, 200, 202, 204, 302, 400, 404, 500, 502),
      seen: fc.constantFrom(undefined, seen, resumable, { unread: 2, isResumable: true }),
      isModern: fc.boolean(),
      inSession: fc.boolean(),
      isNamedOnly: fc.boolean(),
    });
    fc.assert(
      fc.property(any, (ended) => {
        const isOpen = outcomeOfUnanswered(ended as Ended) === undefined;
        if (isOpen) expect([ended.isModern, ended.inSession, ended.seen?.isResumable]).toEqual([false, true, true]);
      }),
    );
  });
});
