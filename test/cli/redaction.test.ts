import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startCollect } from "../capture/collect/process.ts";
import { whetstone } from "../support/whetstone.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whetstone-redaction-"));
  await cp(resolve("examples/notes-server"), join(folder, "notes-server"), { recursive: true });
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
});
afterAll(() => rm(folder, { recursive: true }));

// Put together here so that no scanner takes the test itself for a leak.
const SECRETS = {
  aws: `AKIA${"QRSTUVWXYZABCDEF"}`,
  github: `ghp_${"a1B2c3D4".repeat(5)}`,
  jwt: `eyJ${"hbGciOiJIUzI1NiJ9"}.eyJ${"zdWIiOiIxMjM0NTY3ODkwIn0"}.c2lnbmF0dXJlLW9mLXRlc3Q`,
  password: "correct-horse-7-battery",
  url: "s3cretInUrl",
  customer: "CUST-998877",
  iban: "DE02120300000000202051",
};
const BODY = [
  `key ${SECRETS.aws}`,
  `Authorization: Bearer ${SECRETS.jwt}`,
  `{"nested": "{\\"db_password\\": \\"${SECRETS.password}\\"}"}`,
  `postgres://app:${SECRETS.url}@db.example/app`,
  `of ${SECRETS.customer}, token=${SECRETS.github}`,
].join("\n");

/** Bytes of every file that a store at `db` consists of. */
async function bytesOf(db: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => join(folder, name).startsWith(db));
  expect(names.length).toBeGreaterThan(0);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")))).join("");
}

async function callThroughProxy(db: string, flags: readonly string[]): Promise<unknown> {
  const server = [process.execPath, join(folder, "notes-server", "src", "server.ts")];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [resolve("bin/whetstone.js"), "proxy", "--service", "notes", "--db", db, ...flags, "--", ...server],
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", NOTES_STATE: join(folder, "state"), OTEL_SDK_DISABLED: "true" },
    stderr: "inherit",
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const note = { title: `Keys ${SECRETS.aws}`, body: BODY, tags: [] };
  const added = await client.callTool({ name: "add_note", arguments: note });
  const { id } = JSON.parse((added.content as { text: string }[])[0]?.text ?? "") as { id: string };
  const read = await client.callTool({ name: "read_note", arguments: { id } });
  await client.callTool({ name: "read_note", arguments: { id: `no-such-${SECRETS.github}` } });
  await client.close();
  return read;
}

const CONFIG = `version: 1
targets:
  notes:
    command: node server.js
    source: ["src/**"]
    workload: w.json
    capture:
      redact: { patterns: ["CUST-[0-9]{4,9}"], paths: [/account/iban] }
`;

describe("proxy --capture-content", () => {
  test("passes secrets on and keeps none of them, in no file of the store", async () => {
    await writeFile(join(folder, "whetstone.yaml"), CONFIG);
    const db = join(folder, "captured.db");
    const read = JSON.stringify(await callThroughProxy(db, ["--capture-content"]));
    for (const secret of [SECRETS.aws, SECRETS.jwt, SECRETS.password, SECRETS.url, SECRETS.customer, SECRETS.github]) {
      expect(read).toContain(secret);
    }
    const kept = await bytesOf(db);
    for (const secret of Object.values(SECRETS)) expect(kept).not.toContain(secret);
    const { out } = await whetstone(["export", "--format", "ndjson", "--db", db], { cwd: folder });
    expect(out).toContain("gen_ai.tool.call.arguments");
    expect(out).toContain("gen_ai.tool.call.result");
    for (const rule of ["AWS access key id", "key authorization", "key password", "password in a URL", "pattern 1"]) {
      expect(out).toContain(`[redacted: ${rule}]`);
    }
  });

  test("is off by default: nothing that was said is kept", async () => {
    const db = join(folder, "plain.db");
    await callThroughProxy(db, []);
    const kept = await bytesOf(db);
    expect(kept).toContain("tools/call add_note");
    for (const said of ["gen_ai.tool.call", "Keys ", ...Object.values(SECRETS)]) expect(kept).not.toContain(said);
  });
});

describe("collect and import", () => {
  const attribute = (key: string, value: object) => ({ key, value });
  const call = attribute("gen_ai.tool.call.arguments", {
    kvlistValue: {
      values: [
        attribute("db_password", { stringValue: SECRETS.password }),
        attribute("account", { kvlistValue: { values: [attribute("iban", { stringValue: SECRETS.iban })] } }),
        attribute("q", { stringValue: `cats and ${SECRETS.customer}` }),
      ],
    },
  });
  const request = {
    resourceSpans: [
      {
        resource: { attributes: [attribute("service.name", { stringValue: "notes" })] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: "1".repeat(32),
                spanId: "2".repeat(16),
                name: "tools/call x",
                kind: 2,
                startTimeUnixNano: "1",
                endTimeUnixNano: "2",
                attributes: [
                  call,
                  attribute("url.full", { stringValue: `https://x.example/?token=${SECRETS.github}` }),
                ],
                events: [
                  {
                    name: "exception",
                    timeUnixNano: "1",
                    attributes: [attribute("exception.message", { stringValue: BODY })],
                  },
                ],
                status: { code: 2, message: `refused ${SECRETS.jwt}` },
              },
            ],
          },
        ],
      },
    ],
  };

  test.each([
    { args: [], kept: undefined, dropped: 1 },
    {
      args: ["--capture-content"],
      kept: {
        db_password: "[redacted: key password]",
        account: { iban: "[redacted: path]" },
        q: "cats and [redacted: pattern 1]",
      },
      dropped: 0,
    },
  ])("takes content and secrets out of what others send: $args", async ({ args, kept, dropped }) => {
    const config = join(folder, "whetstone.yaml");
    await writeFile(config, CONFIG);
    const db = join(folder, `collected-${args.length}.db`);
    const collect = await startCollect(db, { args: [...args, "--config", config] });
    const headers = { "Content-Type": "application/json" };
    const sent = await fetch(`${collect.url}/v1/traces`, { method: "POST", headers, body: JSON.stringify(request) });
    expect(sent.status).toBe(200);
    const metrics = await (await fetch(`${collect.url}/metrics`)).text();
    expect(metrics.includes('content_dropped_total{signal="traces",reason="not_captured"} 1')).toBe(dropped === 1);
    collect.signal("SIGTERM");
    const { code, last } = await collect.ended;
    expect([code, JSON.parse(last)]).toMatchObject([0, { stored: 1, contentDropped: dropped }]);
    const bytes = await bytesOf(db);
    for (const secret of Object.values(SECRETS)) expect(bytes).not.toContain(secret);
    const { out } = await whetstone(["export", "--format", "ndjson", "--db", db], { cwd: folder });
    expect(out.includes("gen_ai.tool.call.arguments")).toBe(kept !== undefined);
    for (const [name, value] of Object.entries(kept ?? {})) {
      expect(out).toContain(name);
      if (typeof value === "string") expect(out).toContain(value);
    }
    expect(out).toContain("[redacted: GitHub token]");
  });

  test("import takes the same out of files, and its own exports are the same again", async () => {
    await writeFile(join(folder, "whetstone.yaml"), CONFIG);
    await writeFile(join(folder, "sent.json"), JSON.stringify(request));
    const imported = async (file: string, db: string, ...flags: readonly string[]) => {
      const { code, out, err } = await whetstone(["import", file, "--json", "--db", db, ...flags], { cwd: folder });
      const report = (JSON.parse(out) as { files: readonly Record<string, unknown>[] }).files[0];
      const bytes = await bytesOf(join(folder, db));
      for (const secret of Object.values(SECRETS)) expect(bytes).not.toContain(secret);
      const exported = await whetstone(["export", "--db", db], { cwd: folder });
      return { code, report, err, exported: exported.out };
    };
    const plain = await imported("sent.json", "imported.db");
    expect(plain).toMatchObject({ code: 0, report: { stored: 1, contentDropped: 1 } });
    expect(plain.err).toContain("sent.json: 1 attribute with content dropped; --capture-content keeps them.");
    expect(plain.exported).not.toContain("gen_ai.tool.call.arguments");
    const kept = await imported("sent.json", "imported-content.db", "--capture-content");
    expect(kept).toMatchObject({ code: 0, report: { stored: 1, contentDropped: 0 } });
    expect(kept.exported).toContain("[redacted: key password]");
    await writeFile(join(folder, "exported.json"), kept.exported);
    const again = await imported("exported.json", "again.db", "--capture-content");
    expect(again).toMatchObject({ code: 0, report: { stored: 1, contentDropped: 0 } });
    expect(again.exported).toBe(kept.exported);
  });
});
