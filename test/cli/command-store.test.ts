import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../src/cli/main.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { allSpans } from "../store/naive.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { startWhetstone, whetstone } from "../support/whetstone.ts";
import { bufferIo } from "./buffer-io.ts";

const TARGET = "targets:\n  n:\n    command: node s.js\n    source: [src/**]\n    workload: w.json\n";
const otlp = (n: number): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "written" } }] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: traceId(n),
                spanId: spanId(n),
                name: "w",
                kind: 2,
                startTimeUnixNano: "1763635500000000000",
                endTimeUnixNano: "1763635500000000001",
              },
            ],
          },
        ],
      },
    ],
  });

let folder = "";
/** A folder whose whetstone.yaml names a store, with one trace in it, and another that `--config` names. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-command-store-"));
  await mkdir(join(folder, "kept"));
  await writeFile(join(folder, "whetstone.yaml"), `version: 1\ndb: kept/named.db\n${TARGET}`);
  await writeFile(join(folder, "other.yaml"), `version: 1\ndb: kept/other.db\n${TARGET}`);
  await writeFile(join(folder, "one.json"), otlp(50));
  for (const [name, n] of [
    ["named", 1],
    ["other", 2],
    ["flag", 3],
  ] as const) {
    await using store = await openSqliteStore({ path: join(folder, `kept/${name}.db`) });
    const resource = { "service.name": name };
    await store.append([span({ traceId: traceId(n), spanId: spanId(n), service: name, name, resource })]);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const buffer = bufferIo({ cwd: folder, env: { ...bufferIo().io.env, ...env } });
  const code = await main([...args], buffer.io);
  return { code, text: buffer.out() + buffer.err() };
}

const servicesIn = async (path: string): Promise<readonly string[]> => {
  await using store = await openSqliteStore({ path: join(folder, path) });
  return (await allSpans(store)).map(({ service }) => service);
};

const ALL_TIME = "2020-01-01T00:00:00Z..2040-01-01T00:00:00Z";
const WINDOW = ["--since", "2020-01-01T00:00:00Z", "--until", "2040-01-01T00:00:00Z"];

describe("commands that read take the store that whetstone.yaml names", () => {
  test.each([
    ["traces search", ["traces", "search", "--json", ...WINDOW], '"named"'],
    ["traces show", ["traces", "show", traceId(1)], "named"],
    ["analyze", ["analyze", "--json", ...WINDOW], '"service": "named"'],
    ["diagnose", ["diagnose", "--baseline", ALL_TIME, "--incident", ALL_TIME, "--json"], '"baselineTraces": 1'],
    ["regressions", ["regressions", "--baseline", ALL_TIME, "--candidate", ALL_TIME, "--json"], '"named"'],
    ["export", ["export", "--format", "ndjson"], '"named"'],
  ])("%s", async (_, args, expected) => {
    const { text } = await run(args);
    expect(text.replaceAll(/":\s*/g, '": ')).toContain(expected);
    expect(await readdir(folder)).not.toContain(".whetstone");
  });

  test("--config names another file, DATABASE_URL goes before it, --db before both", async () => {
    const search = ["traces", "search", "--json", ...WINDOW];
    expect((await run([...search, "--config", "other.yaml"])).text).toContain('"other"');
    const env = { databaseUrl: join(folder, "kept/other.db") };
    expect((await run(search, env)).text).toContain('"other"');
    expect((await run([...search, "--db", "kept/flag.db"], env)).text).toContain('"flag"');
  });

  test.each(["traces search", "analyze", "import one.json", "collect --port 0"])(
    "%s refuses a configuration that was named and is not there, or is none",
    async (command) => {
      await writeFile(join(folder, "broken.yaml"), "version: 1\ndb: [1]\n");
      for (const [file, said] of [
        ["absent.yaml", /absent\.yaml/],
        ["broken.yaml", /broken\.yaml|db/],
      ] as const) {
        const { code, text } = await run([...command.split(" "), "--config", file]);
        expect([code, text]).toEqual([2, expect.stringMatching(said)]);
      }
    },
  );
});

describe("a store that was named and is not there", () => {
  test.each([
    ["traces search", ["traces", "search", ...WINDOW]],
    ["analyze", ["analyze", ...WINDOW]],
    ["export", ["export", "--format", "ndjson"]],
    ["diagnose", ["diagnose", "--baseline", ALL_TIME, "--incident", ALL_TIME]],
    ["regressions", ["regressions", "--baseline", ALL_TIME, "--candidate", ALL_TIME]],
    ["retain", ["retain", "--dry-run"]],
  ])("%s says so, whoever named it, and makes none", async (_, args) => {
    await writeFile(join(folder, "missing.yaml"), `version: 1\ndb: gone/by-config.db\n${TARGET}`);
    const env = { databaseUrl: join(folder, "gone/by-env.db") };
    for (const [named, by, { code, text }] of [
      ["by-config.db", "`db:`", await run([...args, "--config", "missing.yaml"])],
      ["by-env.db", "DATABASE_URL", await run(args, env)],
      ["by-flag.db", "--db", await run([...args, "--db", "gone/by-flag.db"])],
    ] as const) {
      expect([code, text]).toEqual([2, expect.stringContaining(`There is no store at ${join(folder, "gone", named)}`)]);
      expect(text).toContain(by);
    }
    expect(await readdir(folder)).not.toContain("gone");
  });

  test("doctor says that there is none yet, and makes none", async () => {
    await writeFile(join(folder, "missing.yaml"), `version: 1\ndb: gone/by-config.db\n${TARGET}`);
    const { text } = await run(["doctor", "--config", "missing.yaml"]);
    expect(text).toContain(`none yet at ${join(folder, "gone/by-config.db")}`);
    expect(await readdir(folder)).not.toContain("gone");
  });
});

describe("commands that write take it too", () => {
  test("import", async () => {
    expect((await run(["import", "one.json"])).code).toBe(0);
    expect(await servicesIn("kept/named.db")).toContain("written");
  });

  test("collect", async () => {
    await writeFile(join(folder, "collect.yaml"), `version: 1\ndb: kept/collect.db\n${TARGET}`);
    const { child, ended } = startWhetstone(["collect", "--config", "collect.yaml", "--port", "0", "--json"], {
      cwd: folder,
    });
    const [line] = (await once(createInterface(child.stdout as Readable), "line")) as [string];
    const { url } = JSON.parse(line) as { url: string };
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${url}/v1/traces`, { method: "POST", headers, body: otlp(51) });
    expect(answer.status).toBe(200);
    child.kill("SIGTERM");
    expect((await ended).code).toBe(0);
    expect(await servicesIn("kept/collect.db")).toEqual(["written"]);
  });

  test("proxy", async () => {
    await writeFile(join(folder, "proxy.yaml"), `version: 1\ndb: kept/proxy.db\n${TARGET}`);
    const server = `process.stdin.on("data", () => console.log(JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} })))`;
    const args = ["proxy", "--config", "proxy.yaml", "--service", "through", "--", process.execPath, "-e", server];
    const input = `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" })}\n`;
    const ended = await whetstone(args, { cwd: folder, input });
    expect([ended.code, ended.out]).toEqual([0, '{"jsonrpc":"2.0","id":1,"result":{}}\n']);
    expect(new Set(await servicesIn("kept/proxy.db"))).toEqual(new Set(["through"]));
    expect(await readdir(folder)).not.toContain(".whetstone");
  });
});
