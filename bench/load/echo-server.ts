import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import { createInterface } from "node:readline";

/**
 * Counterparts of the proxy: `node echo-server.ts MODE`. `stdio` and `http` (prints its port) answer every request at
 * once; `sdk` is a server of the MCP SDK on stdio; `bare URL` is the least that a proxy on node:http can be.
 */
const [, , mode, upstream = ""] = process.argv;

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

if (mode === "stdio") {
  createInterface({ input: process.stdin }).on("line", (line) => process.stdout.write(`${answerTo(line)}\n`));
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
