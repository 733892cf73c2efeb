import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { playSession } from "../../src/capture/play.ts";
import { startReceiver } from "../../src/capture/receiver.ts";
import { Workload, type WorkloadCall } from "../../src/model/call.ts";
import type { Span } from "../../src/model/span.ts";
import { systemClock } from "../../src/wire.ts";
import type { Recording } from "./recorded.ts";

type Session = Workload["sessions"][number];
type Server = { readonly name: string; readonly command: readonly string[]; readonly sessions: readonly Session[] };

/** Plays workloads against real servers through the proxy: the example, and the official servers that are installed. */
export async function recordServers(): Promise<{
  readonly recordings: readonly Recording[];
  readonly skipped: readonly string[];
}> {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-accuracy-"));
  try {
    const servers = [await notes(), ...official(folder)];
    const present = servers.filter(({ command }) => existsSync(command[1] ?? ""));
    for (const file of FILES) await writeFile(join(folder, file), `${file}\n`.repeat(50));
    const recordings: Recording[] = [];
    for (const server of present) recordings.push({ name: server.name, spans: await record(server, folder) });
    return { recordings, skipped: servers.filter((server) => !present.includes(server)).map(({ name }) => name) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function record({ name, command, sessions }: Server, folder: string): Promise<readonly Span[]> {
  const spans: Span[] = [];
  const onSpans = async (batch: readonly Span[]): Promise<void> => void spans.push(...batch);
  await using receiver = await startReceiver({ onSpans });
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    MEMORY_FILE_PATH: join(folder, "memory.json"),
  };
  for (const session of sessions) {
    await playSession({
      server: { command, cwd: resolve("."), env },
      session,
      service: name,
      arm: "baseline",
      run: "accuracy",
      concurrency: 1,
      clock: systemClock,
      random: randomBytes,
      onSpans,
      timeoutMs: 60_000,
    });
  }
  return spans;
}

async function notes(): Promise<Server> {
  const text = await readFile("examples/notes-server/workload.json", "utf8");
  const { sessions } = Workload.parse(JSON.parse(text));
  return { name: "notes", command: [process.execPath, resolve("examples/notes-server/src/server.ts")], sessions };
}

const FILES = ["one.txt", "two.txt", "three.txt"];

function official(folder: string): Server[] {
  const entry = (name: string): string => resolve(`node_modules/@modelcontextprotocol/server-${name}/dist/index.js`);
  const server = (name: string, calls: readonly WorkloadCall[], args: readonly string[] = []): Server => ({
    name,
    command: [process.execPath, entry(name), ...args],
    sessions: [1, 2].map((n) => ({ id: `${name}-${n}`, calls: Array.from({ length: 12 }, () => calls).flat() })),
  });
  const call = (tool: string, given: WorkloadCall["arguments"] = {}): WorkloadCall => ({ tool, arguments: given });
  return [
    server("everything", [
      call("echo", { message: "hello" }),
      call("get-tiny-image"),
      call("get-structured-content", { location: "New York" }),
    ]),
    server("memory", [
      call("create_entities", { entities: [{ name: "a", entityType: "thing", observations: ["is there"] }] }),
      call("search_nodes", { query: "a" }),
      call("read_graph"),
    ]),
    server(
      "filesystem",
      [
        call("list_directory", { path: folder }),
        call("read_text_file", { path: join(folder, "one.txt") }),
        call("get_file_info", { path: join(folder, "two.txt") }),
      ],
      [folder],
    ),
  ];
}
