import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startWhetstone, whetstone } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-proxy-"));
});
afterAll(() => rm(folder, { recursive: true }));

const INITIALIZE = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });

/** A server that opens a session at every request and says its version. */
async function sessionServer(version: string) {
  let sessions = 0;
  const server = createServer((request, response) => {
    void text(request).then(() => {
      sessions += 1;
      const result = { protocolVersion: "2025-06-18", serverInfo: { name: "s", version } };
      response.setHeader("Content-Type", "application/json").setHeader("Mcp-Session-Id", `${version}-${sessions}`);
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = () => server.close().closeAllConnections();
  return { url: `http://127.0.0.1:${port}/mcp`, [Symbol.dispose]: stop };
}

/** The first line on standard output. */
async function firstLine(running: ReturnType<typeof startWhetstone>): Promise<string> {
  let said = "";
  for await (const [chunk] of on(running)) {
    said += chunk;
    if (said.includes("\n")) break;
  }
  return said.slice(0, said.indexOf("\n"));
}

async function* on({ child }: ReturnType<typeof startWhetstone>): AsyncGenerator<[string]> {
  if (child.stdout === null) return;
  while (true) yield (await once(child.stdout, "data")) as [string];
}

describe("proxy --listen", () => {
  test("splits sessions, changes the weight while it runs, stores spans per arm and version, stops on SIGTERM", async () => {
    using baseline = await sessionServer("1.0");
    using canary = await sessionServer("2.0");
    const db = join(folder, "split.db");
    const args = ["proxy", "--listen", "0", "--upstream", baseline.url, "--canary-upstream", canary.url];
    const running = startWhetstone([...args, "--weight", "0", "--admin-port", "0", "--json", "--db", db], {
      cwd: folder,
    });
    const { url, adminUrl } = JSON.parse(await firstLine(running)) as { url: string; adminUrl: string };
    const open = async (): Promise<string | null> => {
      const headers = { "Content-Type": "application/json" };
      return (await fetch(`${url}/mcp`, { method: "POST", headers, body: INITIALIZE })).headers.get("mcp-session-id");
    };
    expect([await open(), await open()]).toEqual(["1.0-1", "1.0-2"]);
    await fetch(`${adminUrl}/weight`, { method: "PUT", body: '{"weight":100}' });
    expect(await open()).toBe("2.0-1");
    running.child.kill("SIGTERM");
    const { code, err, out } = await running.ended;
    expect([code, err]).toEqual([0, expect.stringContaining("2 sessions to the baseline, 1 session to the canary")]);
    expect(JSON.parse(out.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({
      requests: 3,
      spans: { "the store": { written: 6, dropped: 0, failed: 0 } },
    });
    const exported = await whetstone(["export", "--format", "ndjson", "--db", db], { cwd: folder });
    const spans = exported.out.trimEnd().split("\n");
    expect(spans).toHaveLength(6);
    expect(spans.filter((span) => span.includes('"canary"') && span.includes('"2.0"'))).toHaveLength(2);
    expect(spans.filter((span) => span.includes('"baseline"') && span.includes('"1.0"'))).toHaveLength(4);
  });

  test.each([
    [["--listen", "0"], "--listen needs --upstream"],
    [["--upstream", "http://h/"], "There is no server"],
    [["--upstream", "http://h/", "--", "node"], "--upstream needs --listen"],
    [["--listen", "0", "--upstream", "http://h/", "--", "node"], "exclude each other"],
    [["--listen", "x", "--upstream", "http://h/"], '"x" is not a port'],
    [["--listen", "0", "--upstream", "h:1"], '"h:1" is no http or https URL'],
    [["--listen", "0", "--upstream", "http://me:pw@h/"], "holds credentials"],
    [["--listen", "0", "--upstream", "http://h/", "--weight", "5"], "--weight needs a canary"],
    [["--listen", "0", "--upstream", "http://h/", "--canary-version", "5"], "--canary-version needs a canary"],
    [["--listen", "0", "--upstream", "http://h/", "--canary-command", "x"], "--canary-command is for stdio"],
    [["--canary-upstream", "http://h/", "--", "node"], "--canary-upstream needs --listen"],
    [["--admin-port", "0", "--", "node"], "--admin-port needs --listen"],
    [["--canary-command", "node", "--weight", "101", "--", "node"], '"101" is no weight'],
    [["--canary-command", "node", "--weight", "-1", "--", "node"], '"-1" is no weight'],
    [["--canary-command", "'", "--", "node"], "is no command"],
  ])("%j is refused with exit code 2", async (flags, message) => {
    const ended = await whetstone(["proxy", ...flags], { cwd: folder });
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("proxy on stdio with a canary", () => {
  const echo = (version: string) =>
    `process.stdin.on("data",d=>{const m=JSON.parse(d);console.log(JSON.stringify({jsonrpc:"2.0",id:m.id,result:{serverInfo:{version:"${version}"}}}))})`;

  test.each([
    ["0", "baseline", "1.0"],
    ["100", "canary", "2.0"],
  ])("weight %s starts the %s", async (weight, arm, version) => {
    const db = join(folder, `${arm}.db`);
    const canary = `node -e '${echo("2.0")}'`;
    const args = ["proxy", "--db", db, "--canary-command", canary, "--weight", weight, "--", "node", "-e", echo("1.0")];
    const ended = await whetstone(args, { cwd: folder, input: `${INITIALIZE}\n` });
    expect([ended.code, JSON.parse(ended.out)]).toMatchObject([0, { result: { serverInfo: { version } } }]);
    const exported = await whetstone(["export", "--format", "ndjson", "--db", db], { cwd: folder });
    const spans = exported.out.trimEnd().split("\n");
    expect(spans).toHaveLength(2);
    for (const span of spans) expect(span).toContain(`"${arm}"`);
    for (const span of spans) expect(span).toContain(`"${version}"`);
  });
});
