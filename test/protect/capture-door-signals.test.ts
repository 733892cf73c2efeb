import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { captureDoor } from "../../src/protect/capture-door.ts";
import { log, logSet } from "../store/log-records.ts";
import { gauge, pointAt, pointSet } from "../store/points.ts";
import { plantedForm } from "./planted.ts";

const AKIA = "AKIAABCDEFGHIJKLMNOP";
const NOTHING = { contentDropped: 0, redacted: 0, truncatedBytes: 0, faults: 0 };

const text = (value: unknown): string =>
  JSON.stringify(value, (_name, member: unknown) => (typeof member === "bigint" ? String(member) : member));

describe("log records at the door", () => {
  test("secrets go from body, attributes and resource, in text, in JSON and by name", () => {
    const door = captureDoor();
    const attributes = { "http.request.header.authorization": "Bearer abc", note: `key ${AKIA}`, n: 1 };
    for (const body of [`login with ${AKIA}`, { env: { AWS: AKIA } }, `{"password":"${AKIA}x"}`]) {
      const kept = door.log(log(1, { body, attributes, resource: { host: AKIA } }));
      expect(text(kept)).not.toContain(AKIA);
      expect(kept.attributes).toMatchObject({ n: 1 });
      expect(kept.timeNs).toBe(log(1).timeNs);
    }
    expect(door.counts()).toMatchObject({ contentDropped: 0, faults: 0 });
    expect(door.counts().redacted).toBeGreaterThanOrEqual(9);
  });

  test("no secret of any form is left in a body", () => {
    fc.assert(
      fc.property(plantedForm, ({ written, secret }) => {
        expect(text(captureDoor().log(log(1, { body: `said ${written} twice` })))).not.toContain(secret);
      }),
      { numRuns: 500 },
    );
  });

  test("content attributes and the body of an event that holds content are dropped unless they are captured", () => {
    const record = log(1, {
      eventName: "gen_ai.user.message",
      body: { content: "hello", password: "hunter2hunter2" },
      attributes: { "gen_ai.input.messages": "hello", kept: true },
    });
    const closed = captureDoor();
    expect(closed.log(record)).toEqual({ ...log(1, { eventName: "gen_ai.user.message" }), attributes: { kept: true } });
    expect(closed.counts()).toEqual({ ...NOTHING, contentDropped: 2 });
    const open = captureDoor({ captureContent: true });
    expect(text(open.log(record))).toContain("hello");
    expect(text(open.log(record))).not.toContain("hunter2");
    const large = open.log({ ...record, body: "x".repeat(20_000) });
    expect(text(large.body).length).toBeLessThan(10_000);
    expect(large.attributes["whetstone.truncated_bytes"]).toBeGreaterThan(10_000);
  });

  test("rules are those of the service", () => {
    const door = captureDoor({ services: { notes: { redact: { keys: ["badge"] } } } });
    expect(door.log(log(1, { service: "notes", attributes: { badge: "4711" } })).attributes["badge"]).not.toBe("4711");
    expect(door.log(log(1, { attributes: { badge: "4711" } })).attributes["badge"]).toBe("4711");
  });

  test("secrets go from the attributes of a scope, of records and of points", () => {
    const door = captureDoor();
    const scope = { name: "s", version: "1", attributes: { note: `key ${AKIA}`, n: 1 } };
    const kept = { name: "s", version: "1", attributes: { note: "key [redacted: AWS access key id]", n: 1 } };
    expect(door.log(log(1, { scope })).scope).toEqual(kept);
    expect(door.point(pointAt(gauge({ scope }), 1, 5)).series.scope).toEqual(kept);
  });

  test("never throws, and what holds nothing passes as it is", () => {
    const plain = log(1, { body: "started", attributes: { n: 1 } });
    const door = captureDoor();
    expect(door.log(plain)).toBe(plain);
    fc.assert(
      fc.property(logSet, (records) => {
        for (const record of records) expect(door.log(record)).toMatchObject({ timeNs: record.timeNs });
      }),
    );
    expect(door.counts().faults).toBe(0);
  });
});

describe("metric points at the door", () => {
  test("secrets go from attributes, resource and exemplars", () => {
    const door = captureDoor();
    const point = {
      ...pointAt(gauge({ attributes: { user: AKIA, tool: "t" }, resource: { cmd: `--key ${AKIA}` } }), 1, 5),
      exemplars: [{ timeNs: 1n, value: 1, attributes: { url: `?token=${AKIA}` } }],
    };
    const kept = door.point(point);
    expect(text(kept)).not.toContain(AKIA);
    expect(kept).toMatchObject({ series: { attributes: { tool: "t" }, name: "m" }, value: { value: 5 } });
    expect(door.counts()).toEqual({ ...NOTHING, redacted: 3 });
  });

  test("never throws, and what holds nothing passes as it is", () => {
    const door = captureDoor();
    const plain = pointAt(gauge({ attributes: { tool: "t" } }), 1, 5);
    expect(door.point(plain)).toBe(plain);
    fc.assert(
      fc.property(pointSet, (points) => {
        for (const point of points) expect(door.point(point).value).toEqual(point.value);
      }),
    );
    expect(door.counts().faults).toBe(0);
  });
});
