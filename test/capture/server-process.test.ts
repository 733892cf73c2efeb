import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { launchServer, type ServerProcess } from "../../src/capture/server-process.ts";
import { fixture, isAlive } from "./fixtures/commands.ts";

/** Resolves when the server's stderr says something that matches. */
async function said(server: ServerProcess, chunks: AsyncIterable<unknown>, pattern: RegExp): Promise<string> {
  for await (const _ of chunks) {
    const match = pattern.exec(server.stderrTail());
    if (match) return match[1] ?? match[0];
  }
  throw new Error(`the server never said ${pattern.source}`);
}

/** Launches and collects stderr as an async iterable of chunks. */
async function launched(...args: string[]) {
  return launchedWith({ graceMs: 300 }, args);
}

async function launchedWith({ graceMs }: { readonly graceMs: number }, args: readonly string[]) {
  const heard = new EventTarget();
  const server = await launchServer({
    ...fixture("scripted", ...args),
    graceMs,
    onStderr: () => heard.dispatchEvent(new Event("said")),
  });
  async function* chunks() {
    for (;;) {
      yield null;
      await once(heard, "said");
    }
  }
  return { server, chunks: chunks() };
}

describe("launchServer", () => {
  test("a server that ends when stdin closes is stopped without a signal", async () => {
    // It may still be starting: what ends by itself is given all the time it needs.
    const { server } = await launchedWith({ graceMs: 100_000 }, ["exit-with", "7"]);
    expect(await server.stop()).toEqual({ code: 7, signal: null });
    expect(isAlive(server.pid)).toBe(false);
  });

  test("what is written to stdin comes out of stdout", async () => {
    const { server } = await launched("echo");
    server.stdin.write("hello\n");
    const [chunk] = (await once(server.stdout, "data")) as [Buffer];
    expect(chunk.toString()).toBe("hello\n");
    await server.stop();
  });

  test("a server that ignores the end of stdin and SIGTERM is killed", async () => {
    const { server } = await launchedWith({ graceMs: 1_500 }, ["ignore-term"]);
    await once(server.stdout, "data");
    expect(await server.stop()).toEqual({ code: null, signal: "SIGKILL" });
    expect(server.stderrTail()).toContain("ignored SIGTERM");
    expect(isAlive(server.pid)).toBe(false);
  });

  test("a child that the server forked goes with it, even when it ignores SIGTERM and holds stdout open", async () => {
    const { server, chunks } = await launched("fork");
    const child = Number(await said(server, chunks, /child (\d+)/));
    await once(server.stdout, "data");
    expect(isAlive(child)).toBe(true);
    await server.stop();
    // The end of the stream, not its destruction: every process that held the pipe is gone.
    expect(server.stdout.readableEnded).toBe(true);
  });

  test("leaving the scope ends the server", async () => {
    let pid: number;
    {
      await using server = (await launched("ignore-term")).server;
      pid = server.pid;
      expect(isAlive(pid)).toBe(true);
    }
    expect(isAlive(pid)).toBe(false);
  });

  test("stop can be called again, and after the server has ended by itself", async () => {
    const { server } = await launched("exit-1");
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(await server.stop()).toEqual({ code: 1, signal: null });
    expect(await server.stop()).toEqual({ code: 1, signal: null });
    expect(() => server.signal("SIGTERM")).not.toThrow();
  });

  test("only the last 8 KiB of stderr are kept", async () => {
    const { server, chunks } = await launched("stderr");
    await said(server, chunks, /the end$/);
    expect(server.stderrTail()).toHaveLength(8 * 1024);
    await server.stop();
  });

  test("a signal to the group ends the server", async () => {
    const { server } = await launched("silent");
    server.signal("SIGTERM");
    expect(await server.exited).toEqual({ code: null, signal: "SIGTERM" });
  });

  test("a process that exits without stopping its server takes it along", async () => {
    const script = `
      const { launchServer } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/capture/server-process.ts"))});
      const server = await launchServer(${JSON.stringify(fixture("scripted", "ignore-term"))});
      server.stdout.once("data", () => {
        process.stdout.write(String(server.pid));
        process.exit(0);
      });`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script]);
    const pid = Number(await text(parent.stdout));
    expect(pid).toBeGreaterThan(0);
    while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
    expect(isAlive(pid)).toBe(false);
  });

  test("a program that does not exist is an error that names it", async () => {
    const options = { command: ["no-such-program-here", "--flag"], cwd: import.meta.dirname, env: {} };
    await expect(launchServer(options)).rejects.toMatchObject({
      code: "server_start_failed",
      message: expect.stringContaining('"no-such-program-here --flag"'),
    });
  });

  test("a folder that does not exist is an error that names it", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "whetstone-"));
    await rm(cwd, { recursive: true });
    await expect(launchServer({ ...fixture("scripted", "silent"), cwd })).rejects.toMatchObject({
      code: "server_start_failed",
      message: expect.stringContaining(cwd),
    });
  });

  test("an empty command is an error", async () => {
    const options = { command: [], cwd: import.meta.dirname, env: {} };
    await expect(launchServer(options)).rejects.toMatchObject({ code: "server_start_failed" });
  });
});
