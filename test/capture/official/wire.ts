import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client, type ClientOptions } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { lineFramer } from "../../../src/capture/framing.ts";
import type { Direction } from "../../../src/capture/exchange-table.ts";

/** A line as the client wrote or read it. */
export type WireLine = { readonly direction: Direction; readonly text: string };

/** A JSON-RPC message as far as the tests look at it. */
export type WireMessage = {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly uri?: string; readonly _meta?: object };
  readonly result?: { readonly isError?: boolean; readonly serverInfo?: { readonly version: string } };
  readonly error?: { readonly code: number; readonly message: string };
};

/** Everything that went over one connection, in the client's order. */
export type Recorded = {
  readonly lines: readonly WireLine[];
  readonly exitCode: number | null;
  readonly stderr: string;
};

/** How a server is started. */
export type ServerStart = {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** The SDK's client on a real process, with every line kept. `close` ends stdin and reads on until the process is gone. */
export async function record(
  start: ServerStart,
  options: ClientOptions,
  use: (client: Client) => Promise<void>,
): Promise<Recorded> {
  const { transport, lines, ended } = recordingTransport(start);
  const client = new Client({ name: "official-servers-test", version: "1" }, options);
  try {
    await client.connect(transport);
    await use(client);
  } finally {
    await client.close();
  }
  return { lines, ...(await ended) };
}

function recordingTransport({ command, cwd, env }: ServerStart) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd, env: { PATH: process.env["PATH"], ...env }, stdio: "pipe" });
  const lines: WireLine[] = [];
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(([exitCode]: (number | null)[]) => ({ exitCode: exitCode ?? null, stderr }));
  const transport: Transport = {
    start: async () => {
      await once(child, "spawn");
      // Not node:readline, which takes U+2028 in a string for the end of a line.
      const framer = lineFramer();
      child.stdout.on("data", (chunk: Uint8Array) => {
        for (const { bytes } of framer.push(chunk)) {
          const text = new TextDecoder().decode(bytes);
          lines.push({ direction: "to-client", text });
          transport.onmessage?.(JSON.parse(text) as JSONRPCMessage);
        }
      });
    },
    send: (message) => {
      const text = JSON.stringify(message);
      lines.push({ direction: "to-server", text });
      child.stdin.write(`${text}\n`);
      return Promise.resolve();
    },
    close: async () => {
      child.stdin.end();
      await ended;
      transport.onclose?.();
    },
  };
  return { transport, lines, ended };
}
