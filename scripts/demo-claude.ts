import { resolve } from "node:path";
import { type Said, type ScriptedTurn, startMessagesApi, toolResults } from "../test/support/messages-api.ts";
import { demoRepository, EXAMPLE, run } from "./demo-repository.ts";

/**
 * `npm run demo:claude`: `whetstone session start` on the example server with the real Claude Code, and a scripted
 * Messages API in place of the model; then the finished record. It reads the code and asks the telemetry server. No key,
 * no account.
 */
const KEY = "sk-ant-demo";

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const call = (name: string, input: Readonly<Record<string, unknown>>): Said => ({ type: "tool_use", name, input });

const SCRIPT: readonly ScriptedTurn[] = [
  { say: [call("mcp__whetstone__get_traces", { service_name: "notes", limit: 1 })] },
  { say: [call("mcp__whetstone__performance_report", {})] },
  { say: [call("Grep", { pattern: "store.read", path: `${EXAMPLE}/src`, output_mode: "content" })] },
  { say: [call("Read", { file_path: `${EXAMPLE}/src/search.ts` })] },
  {
    say: [
      call("StructuredOutput", {
        summary: "Every search reads every note from disk, one after the other.",
        findings: [
          {
            finding: "n_plus_one",
            rootCause:
              "search asks the store for each note of the folder on every query; nothing is kept between queries",
            paths: [`${EXAMPLE}/src/search.ts`, `${EXAMPLE}/src/store.ts`],
            plan: ["Read the notes once when the server starts", "Answer queries from an index in memory"],
          },
        ],
      }),
    ],
  },
];

await using repository = await demoRepository();
await using api = await startMessagesApi({ key: KEY, script: SCRIPT });
const env = { ...process.env, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: api.url };
const whetstone = async (...args: readonly string[]): Promise<string> => {
  say(`$ whetstone ${args.join(" ")}`);
  const options = { cwd: repository.root, env, maxBuffer: 16 * 1024 * 1024 };
  const { stdout, stderr } = await run(process.execPath, [resolve("bin/whetstone.js"), ...args], options);
  if (stderr !== "") say(stderr.trimEnd());
  return stdout;
};
const report = JSON.parse(await whetstone("session", "start", "--mode", "analysis", "--target", "notes", "--json")) as {
  readonly session: { readonly id: string };
};
const last = api.requests.at(-1);
for (const { name, text, isError } of last === undefined ? [] : toolResults(last)) {
  say(`${isError ? "refused" : "called"} ${name}: ${text.length} characters`);
}
process.stdout.write(await whetstone("session", "show", report.session.id));
