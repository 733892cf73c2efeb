import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { expectSpansOf, methods, proxied, responses } from "./compared.ts";
import { record, type Recorded } from "./wire.ts";

const entry = (server: string): string => resolve(`node_modules/@modelcontextprotocol/${server}/dist/index.js`);

/** A tool with its arguments. */
type ToolCall = readonly [string, Record<string, unknown>];

async function callAll(client: Client, calls: readonly ToolCall[]): Promise<void> {
  await client.listTools();
  for (const [name, args] of calls) await client.callTool({ name, arguments: args });
}

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-official-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("server-filesystem through the stdio proxy", () => {
  let direct: Recorded;
  let through: Recorded;

  /** Each of its tools; the last three answer with an error. */
  const calls = (root: string): readonly ToolCall[] => [
    ["list_allowed_directories", {}],
    ["create_directory", { path: join(root, "deep/er") }],
    ["write_file", { path: join(root, "deep/a.txt"), content: "eins\nzwei ä 🎈\n" }],
    ["edit_file", { path: join(root, "deep/a.txt"), edits: [{ oldText: "eins", newText: "one" }] }],
    ["read_text_file", { path: join(root, "deep/a.txt"), head: 1 }],
    ["read_file", { path: join(root, "deep/a.txt") }],
    ["read_text_file", { path: join(root, "big.txt") }],
    ["read_media_file", { path: join(root, "dot.png") }],
    ["read_multiple_files", { paths: [join(root, "deep/a.txt"), join(root, "none.txt")] }],
    ["move_file", { source: join(root, "deep/a.txt"), destination: join(root, "deep/er/b.txt") }],
    ["list_directory", { path: root }],
    ["list_directory_with_sizes", { path: root, sortBy: "size" }],
    ["directory_tree", { path: root }],
    ["search_files", { path: root, pattern: "**/*.txt" }],
    ["get_file_info", { path: join(root, "big.txt") }],
    ["read_text_file", { path: "/etc/hostname" }],
    ["read_text_file", { path: join(root, "none.txt") }],
    ["move_file", { source: join(root, "none.txt"), destination: join(root, "x") }],
  ];

  /** One after the other, in a folder of the same name: the answers name paths. */
  async function run(server: (command: readonly string[]) => Parameters<typeof record>[0]): Promise<Recorded> {
    const root = join(folder, "files");
    await rm(root, { recursive: true, force: true });
    await mkdir(root);
    await writeFile(join(root, "big.txt"), "ä0123456789\n".repeat(100_000));
    await writeFile(join(root, "dot.png"), Buffer.from("89504e470d0a1a0a", "hex"));
    return record(
      server([process.execPath, entry("server-filesystem"), root]),
      { capabilities: { roots: {} } },
      async (c) => {
        const asked = Promise.withResolvers<void>();
        c.setRequestHandler(ListRootsRequestSchema, () => {
          asked.resolve();
          return { roots: [{ uri: pathToFileURL(root).href }] };
        });
        // The server asks for the roots at once; it takes calls before it has them, too.
        await asked.promise;
        await callAll(c, calls(root));
      },
    );
  }

  beforeAll(async () => {
    direct = await run((command) => ({ command, cwd: folder }));
    through = await run((command) => proxied({ command, cwd: folder }, join(folder, "files.db"), "files"));
  }, 120_000);

  test("every answer has the bytes that a direct connection gets; only times of a file may differ", () => {
    const info = calls("").findIndex(([name]) => name === "get_file_info");
    const comparable = (recorded: Recorded) =>
      [...responses(recorded)].map(([id, text]) => (id === String(info + 2) ? "" : text));
    expect(comparable(direct)).toHaveLength(calls("").length + 2);
    expect(comparable(direct).filter((text) => text === "")).toHaveLength(1);
    expect(Math.max(...comparable(direct).map((text) => text.length))).toBeGreaterThan(1_000_000);
    expect(comparable(through)).toEqual(comparable(direct));
    expect(methods(through)).toEqual(methods(direct));
  });

  test("each message has its two spans, by the conventions", async () => {
    const spans = await expectSpansOf(through, join(folder, "files.db"), "files");
    const failed = spans.filter(({ attributes }) => attributes["error.type"] === "tool_error");
    expect(failed).toHaveLength(6);
  });
});

describe("server-memory through the stdio proxy", () => {
  const calls: readonly ToolCall[] = [
    ["read_graph", {}],
    ["create_entities", { entities: [{ name: "Ada", entityType: "person", observations: ["writes"] }] }],
    ["create_entities", { entities: [{ name: "Engine", entityType: "machine", observations: [] }] }],
    ["create_relations", { relations: [{ from: "Ada", to: "Engine", relationType: "programs" }] }],
    ["add_observations", { observations: [{ entityName: "Ada", contents: ["naïve? 🎈"] }] }],
    ["search_nodes", { query: "ada" }],
    ["open_nodes", { names: ["Ada", "Engine"] }],
    ["delete_observations", { deletions: [{ entityName: "Ada", observations: ["writes"] }] }],
    ["delete_relations", { relations: [{ from: "Ada", to: "Engine", relationType: "programs" }] }],
    ["delete_entities", { entityNames: ["Engine"] }],
    ["read_graph", {}],
    ["add_observations", { observations: [{ entityName: "Nobody", contents: ["x"] }] }],
    ["create_entities", { entities: "none" }],
  ];

  test("the same answers, and two spans for each message", async () => {
    const start = (name: string) => ({
      command: [process.execPath, entry("server-memory")],
      cwd: folder,
      env: { MEMORY_FILE_PATH: join(folder, `${name}.jsonl`) },
    });
    const db = join(folder, "memory.db");
    const [direct, through] = await Promise.all([
      record(start("direct"), {}, (client) => callAll(client, calls)),
      record(proxied(start("through"), db, "memory"), {}, (client) => callAll(client, calls)),
    ]);
    expect(responses(direct).size).toBe(calls.length + 2);
    expect(responses(through)).toEqual(responses(direct));
    expect(through.exitCode).toBe(direct.exitCode);
    const spans = await expectSpansOf(through, db, "memory");
    expect(spans.filter(({ status }) => status === "error")).toHaveLength(4);
  }, 120_000);
});
