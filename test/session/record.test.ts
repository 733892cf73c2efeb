import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { SessionRecord } from "../../src/model/proposal.ts";
import { withFacts } from "../../src/session/record.ts";
import { session as answered } from "../propose/parts.ts";
import { run as RUN } from "./parts.ts";

const SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

describe("a record", () => {
  test("of version 1 is read, and nothing is added to it", () => {
    const old = SessionRecord.parse({ ...answered, schema: "whetstone.session/1" });
    expect(withFacts(old, { question: "why?", continues: "s-0" })).toEqual(old);
  });

  test("gets what only the caller knows, and keeps the rest", () => {
    const record = SessionRecord.parse({ ...answered, schema: "whetstone.session/2", run: RUN });
    const told = withFacts(record, { question: `why ${SECRET}?`, continues: "s-0" });
    expect(SessionRecord.parse(told).run).toMatchObject({ ...RUN, continues: "s-0" });
    expect(told.run?.question).toContain("why [redacted");
    expect(JSON.stringify(told)).not.toContain(SECRET);
    expect(withFacts(record, {})).toEqual(record);
  });

  test.each(["good", "bad-result", "bad-under-load"])("the example %s is one", async (name) => {
    const text = await readFile(`examples/notes-server/sessions/${name}.json`, "utf8");
    expect(SessionRecord.parse(JSON.parse(text)).schema).toBe("whetstone.session/1");
  });
});
