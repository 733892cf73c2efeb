import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** Something that answers calls: sends one and resolves with its answer. */
export type Party = {
  readonly call: (id: number) => Promise<void>;
  /** Processor time of the process that is called, without its children, ms; undefined where it cannot be told. */
  readonly cpuMs: () => number | undefined;
};

/** Processes of a bench, ended together. */
export type Processes = AsyncDisposable & {
  readonly start: (args: readonly string[]) => ChildProcessByStdio<Writable, Readable, null>;
};

export function processes(cwd: string): Processes {
  const children: ChildProcessByStdio<Writable, Readable, null>[] = [];
  return {
    start: (args) => {
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], cwd });
      children.push(child);
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      const ended = children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, "exit"));
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}

const message = (id: number): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "search", arguments: { query: "sharp" } },
  });

/** A client on the standard streams of a process. */
export function overStdio({ start }: Processes, args: readonly string[]): Party {
  const child = start(args);
  const waiting = new Map<number, () => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id } = JSON.parse(line) as { id: number };
    waiting.get(id)?.();
    waiting.delete(id);
  });
  return {
    cpuMs: () => cpuMs(child.pid),
    call: (id) =>
      new Promise((done) => {
        waiting.set(id, done);
        child.stdin.write(`${message(id)}\n`);
      }),
  };
}

/** A client over HTTP to a process that says its port in its first line. */
export async function overHttp(
  { start }: Processes,
  args: readonly string[],
  connections: number,
): Promise<Party & { readonly port: number }> {
  const child = start(args);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { port } = JSON.parse(line) as { port: number };
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call = (id: number): Promise<void> =>
    new Promise((done, fail) => {
      const body = message(id);
      const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
      const options = { agent, host: "127.0.0.1", port, method: "POST", path: "/mcp", headers };
      const outgoing = httpRequest(options, (answer) => answer.resume().on("end", done));
      outgoing.on("error", fail).end(body);
    });
  return { port, call, cpuMs: () => cpuMs(child.pid) };
}

/** Linux counts in hundredths of a second (`proc(5)`, fields 14 and 15). */
const TICK_MS = 10;

function cpuMs(pid: number | undefined): number | undefined {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return undefined;
  const fields = readFileSync(file, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
