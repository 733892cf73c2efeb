import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readSession } from "../src/session/replay.ts";
import { type Said, type ScriptedTurn, startMessagesApi, toolResults } from "../test/support/messages-api.ts";
import { demoRepository, EXAMPLE, run } from "./demo-repository.ts";

/**
 * `npm run demo:refinement`: the whole loop on the example server with the real Claude Code in mode `refinement` and a
 * scripted Messages API in place of the model. A person permits it; the session reads evidence over MCP, edits the
 * source, runs the checks and proposes; the loop validates and promotes. No key, no account. Takes about a minute.
 */
const KEY = "sk-ant-demo";

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });

/** What the recorded good session changed, said by the script as a model would: file by file, then the reason. */
async function script(): Promise<readonly ScriptedTurn[]> {
  const { answer } = await readSession(`${EXAMPLE}/sessions/good.json`);
  if (answer === undefined) throw new Error("The recorded session holds no change.");
  const { patch: _computed, ...proposal } = answer;
  const variants = `${EXAMPLE}/sessions/variants/good`;
  const writes = (await readdir(variants)).map(async (name) => {
    const content = await readFile(join(variants, name), "utf8");
    return call("Write", { file_path: `${EXAMPLE}/src/${name.replace(/\.txt$/, "")}`, content });
  });
  return [
    { say: [call("mcp__whetstone__detect_performance_issues", { service_name: "notes" })] },
    { say: [call("Grep", { pattern: "store.read", path: `${EXAMPLE}/src`, output_mode: "content" })] },
    { say: [call("Read", { file_path: `${EXAMPLE}/src/search.ts` })] },
    { say: [call("Write", { file_path: "README.md", content: "outside the source" })] },
    { say: await Promise.all(writes) },
    { say: [call("mcp__checks__run_checks", {})] },
    { say: [call("StructuredOutput", { summary: "Search asks an index in memory.", proposal })] },
  ];
}

await using repository = await demoRepository();
await using api = await startMessagesApi({ key: KEY, script: await script() });
const env = { ...process.env, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: api.url };
const options = { cwd: repository.root, env, maxBuffer: 16 * 1024 * 1024 };
const program = resolve("bin/whetstone.js");
const whetstone = async (...args: string[]): Promise<unknown> => {
  say(`$ whetstone ${args.map((arg) => (arg.startsWith("wha1.") ? "wha1.…" : arg)).join(" ")}`);
  return JSON.parse((await run(process.execPath, [program, ...args, "--json"], options)).stdout);
};
const request = (await whetstone("authorize", "request", "session.refine", "--target", "notes")) as { id: string };
const { token } = (await whetstone("authorize", "grant", request.id)) as { token: string };
const live = ["--session", "claude", "--mode", "refinement", "--authorization", token];
const report = (await whetstone("loop", "--local", "--target", "notes", ...live)) as Record<string, unknown>;
const last = api.requests.at(-1);
for (const { name, text, isError } of last === undefined ? [] : toolResults(last)) {
  say(`${isError ? "refused" : "called"} ${name}: ${text.length} characters`);
}
const { verdict, reasons, branch, costUsd } = report;
process.stdout.write(`${JSON.stringify({ verdict, reasons, branch, costUsd }, undefined, 2)}\n`);
