import { describe, expect, test } from "@jest/globals";
import { parseConfig } from "../../src/config/parse.ts";
import { captureOf, captureRules } from "../../src/cli/capture-rules.ts";
import { captureDoor } from "../../src/protect/capture-door.ts";

const config = (capture: string): string => `version: 1
targets:
  notes:
    command: node server.js
    source: ["src/**"]
    workload: w.json
    ${capture}
`;

describe("targets.<name>.capture", () => {
  test("is off and has no rules of its own by default", () => {
    expect(parseConfig(config(""), "f").targets["notes"]?.capture).toEqual({
      redact: { keys: [], patterns: [], paths: [] },
      maxBytes: "8KiB",
    });
  });

  test("becomes the rules of the doors", () => {
    const parsed = parseConfig(
      config(
        'capture: { content: true, redact: { keys: [iban], patterns: ["C-[0-9]{4}"], paths: [/a/*/b] }, maxBytes: 4kB }',
      ),
      "f",
    );
    const rules = captureRules(parsed);
    expect(rules["notes"]).toEqual({
      content: true,
      redact: { keys: ["iban"], patterns: ["C-[0-9]{4}"], paths: ["/a/*/b"], maxBytes: 4_000 },
    });
    expect(() => captureDoor({ services: rules })).not.toThrow();
    expect(captureOf(parsed, { service: "notes" }).captureContent).toBe(true);
    expect(captureOf(parsed, { service: "other", captureContent: true })).toEqual({
      captureContent: true,
      redact: undefined,
    });
    expect(captureOf(undefined, { service: "toString" })).toEqual({ captureContent: false, redact: undefined });
  });

  test("`content: false` stands against the flag", () => {
    const parsed = parseConfig(config("capture: { content: false }"), "f");
    expect(captureOf(parsed, { service: "notes", captureContent: true }).captureContent).toBe(false);
  });

  test.each([
    ['{ redact: { patterns: ["(a+)+"] } }', /f:7:\d+: targets\.notes\.capture\.redact\.patterns\.0: .*no upper bound/],
    ["{ redact: { paths: [customer] } }", /JSON pointer/],
    ["{ maxBytes: 4 }", /maxBytes/],
    ["{ maxBytes: 10GB }", /from 128 B to 1 MB/],
    ["{ contents: true }", /Did you mean "content"\?/],
  ])("%s is refused with place and reason", (capture, message) => {
    expect(() => parseConfig(config(`capture: ${capture}`), "f")).toThrow(message);
  });
});
