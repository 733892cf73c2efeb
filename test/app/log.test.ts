import { describe, expect, test } from "@jest/globals";
import { createLog } from "../../src/app/log.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { manualClock } from "../../src/model/time.ts";

function logged(json = false) {
  const lines: string[] = [];
  return { lines, log: createLog({ write: (line) => lines.push(line), clock: manualClock(), json }) };
}

describe("createLog", () => {
  test("writes time, level and message; a child writes the same; debugging is left out", () => {
    const { lines, log } = logged();
    log.info("one");
    log.child({ name: "event" }).warn("two");
    log.debug("no");
    log.trace("no");
    expect(lines).toEqual(["2023-11-14T22:13:20.000Z info one\n", "2023-11-14T22:13:20.000Z warn two\n"]);
  });

  test("writes one JSON object per line", () => {
    const { lines, log } = logged(true);
    log.error(new WhetstoneError("api_failed", "no answer", { remedy: "wait" }), "while\nanswering");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time: "2023-11-14T22:13:20.000Z", level: "error", message: "while\nanswering api_failed: no answer wait" },
    ]);
    expect(lines[0]?.trim()).not.toContain("\n");
  });

  test("shows each error of several, a bug with its stack, and Probot's wrapped ones", () => {
    const { lines, log } = logged();
    log.error(new AggregateError([new WhetstoneError("usage", "first"), new Error("second")], "both"));
    log.fatal({ err: new Error("third") }, "Failed to initialize");
    expect(lines[0]).toContain("usage: first; Error: second\n");
    expect(lines[0]).toContain("log.test.ts");
    expect(lines[1]).toContain("fatal Failed to initialize Error: third");
  });

  test("leaves out the fields of an error: payloads and requests", () => {
    const { lines, log } = logged();
    log.error(Object.assign(new WhetstoneError("usage", "wrong"), { event: { payload: "their text" } }));
    log.info({ body: "their text" });
    expect(lines.join("")).not.toContain("their text");
  });

  test("redacts secrets and shows control characters by name", () => {
    const { lines, log } = logged();
    log.warn(`token ghp_${"a".repeat(36)} \u001b[2J\u202e`);
    expect(lines[0]).toBe("2023-11-14T22:13:20.000Z warn token [GitHub token] [U+001B][2J[U+202E]\n");
  });
});
