import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { expectSpansOf, methods, proxied, responses } from "./compared.ts";
import { CAPABILITIES, useEverything } from "./use-everything.ts";
import { record, type Recorded } from "./wire.ts";

const SERVER = resolve("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
describe("server-everything through the stdio proxy", () => {
  let folder = "";
  let direct: Recorded;
  let through: Recorded;
  const db = (): string => join(folder, "spans.db");

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whetstone-everything-"));
    const start = { command: [process.execPath, SERVER], cwd: folder };
    [direct, through] = await Promise.all([
      record(start, { capabilities: CAPABILITIES }, useEverything),
      record(proxied(start, db(), "everything"), { capabilities: CAPABILITIES }, useEverything),
    ]);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  test("every answer has the bytes that a direct connection gets", () => {
    expect(responses(direct).size).toBe(35);
    expect(responses(through)).toEqual(responses(direct));
  });

  test("every kind of message went both ways, as often as on a direct connection where time plays no part", () => {
    const kinds = Object.keys(methods(direct)).toSorted();
    expect(Object.keys(methods(through)).toSorted()).toEqual(kinds);
    expect(kinds).toEqual(
      expect.arrayContaining([
        "to-client elicitation/create",
        "to-client notifications/message",
        "to-client notifications/progress",
        "to-client notifications/resources/list_changed",
        "to-client notifications/resources/updated",
        "to-client roots/list",
        "to-client sampling/createMessage",
        "to-server completion/complete",
        "to-server notifications/roots/list_changed",
        "to-server resources/subscribe",
      ]),
    );
    expect(methods(through)["to-client notifications/progress"]).toBe(5);
  });

  test("exit code and stderr are the server's", () => {
    expect([through.exitCode, through.stderr]).toEqual([direct.exitCode, direct.stderr]);
    expect(through.stderr).toContain("Starting default (STDIO) server");
  });

  test("each message has its two spans, by the conventions", async () => {
    const spans = await expectSpansOf(through, db(), "everything");
    const failed = new Set(spans.filter(({ status }) => status === "error").map(({ kind, name }) => `${kind} ${name}`));
    const onBothSides = ["get-sum", "get-resource-reference", "no-such-tool"].map((tool) => `tools/call ${tool}`);
    expect(failed).toEqual(
      new Set([
        ...[...onBothSides, "prompts/get resource-prompt"].flatMap((name) => [`client ${name}`, `server ${name}`]),
        "client resources/read",
        "client no/such/method",
      ]),
    );
  });
});
