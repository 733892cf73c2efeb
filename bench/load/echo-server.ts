import { spawn } from "node:child_process";
import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import { createInterface } from "node:readline";

/**
 * Counterparts of the proxy: `node echo-server.ts MODE`. `stdio` and `http` (prints its port) answer every request at
 * once; `work` computes for a millisecond first; `sdk` is a server of the MCP SDK on stdio; `bare URL` is the least that
 * a proxy on node:http can be, `pipe MODE` the least on stdio: it passes on what comes and looks at nothing.
 */
const [, , mode, upstream = ""] = process.argv;

const WORK_MS = 1;

const answerTo = (text: string): string => {
  const { id } = JSON.parse(text) as { id: number };
  return JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "done" }] } });
};

function announce(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.stdout.write(`${JSON.stringify({ port: typeof address === "object" ? address?.port : 0 })}\n`);
  });
}

if (mode === "stdio" || mode === "work") {
  createInterface({ input: process.stdin }).on("line", (line) => {
    const begun = performance.now();
    while (mode === "work" && performance.now() - begun < WORK_MS);
    process.stdout.write(`${answerTo(line)}\n`);
  });
} else if (mode === "pipe") {
  const server = spawn(process.execPath, [import.meta.filename, upstream], { stdio: ["pipe", "pipe", "inherit"] });
  process.stdin.pipe(server.stdin);
  server.stdout.pipe(process.stdout);
} else if (mode === "sdk") {
  const { McpServer } = await import("@modelcontextprotocol/sdk/server/mcp.js");
  const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
  const { z } = await import("zod");
  const server = new McpServer({ name: "bench", version: "1" });
  server.registerTool("search", { description: "", inputSchema: { query: z.string() } }, () => ({
    content: [{ type: "text", text: "done" }],
  }));
  await server.connect(new StdioServerTransport());
} else if (mode === "bare") {
  const agent = new Agent({ keepAlive: true });
  announce(
    createServer((request, response) => {
      const { method, headers } = request;
      const outgoing = httpRequest(upstream, { agent, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(outgoing);
    }),
  );
} else {
  announce(
    createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        const answer = answerTo(body);
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(answer) });
        response.end(answer);
      });
    }),
  );
}
