import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { renderTable } from "../src/cli/table.ts";
import { commentOf, startGitHubOf } from "./load/app-github.ts";

/**
 * The App under load: a real `whetstone serve` on one core (where taskset is there), SQLite, signed deliveries of GitHub's
 * example size at a fixed rate whatever the answers do. In the middle it is killed and started again; what was refused in
 * between stands in GitHub's log. Every 200th delivery is a command, each in an issue of its own: GitHub
 * takes no more than 80 comments a minute, and the App keeps to it. Runs what `npm run build` made, where it is there.
 */
const SECONDS = Number(process.argv[2] ?? 20);
const RATE = Number(process.argv[3] ?? 200);
const DELIVERIES = SECONDS * RATE;
const COMMAND_EVERY = 200;
const SECRET = "dummy-webhook-secret";

const folder = mkdtempSync(join(tmpdir(), "whetstone-bench-"));
const database = join(folder, "whetstone.db");
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const entry = [resolve("dist/cli/main.js"), resolve("src/cli/main.ts")].find((file) => existsSync(file)) ?? "";
const github = await startGitHubOf();

type Server = { readonly child: ChildProcess; readonly url: string; readonly pid: number };

async function serve(): Promise<Server> {
  const run = `import(${JSON.stringify(entry)}).then(async ({ main }) => process.exitCode = await main(process.argv.slice(1)))`;
  const bin = [process.execPath, "-e", run, "serve", "--port", "0", "--json", "--db", database];
  const env = {
    PATH: process.env["PATH"] ?? "",
    APP_ID: "4711",
    PRIVATE_KEY: privateKey,
    WEBHOOK_SECRET: SECRET,
    GHE_HOST: github.host,
    GHE_PROTOCOL: "http",
  };
  // `exec` keeps the process: its id is that of the server.
  const script = 'command -v taskset >/dev/null && exec taskset -c 0 "$@"; exec "$@"';
  const child = spawn("sh", ["-c", script, "sh", ...bin], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  while (!/^\}$/m.test(out)) {
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    if (child.exitCode !== null) throw new Error("serve ended");
  }
  return { child, url: (JSON.parse(out) as { url: string }).url, pid: child.pid ?? 0 };
}

/** Largest resident memory of a process so far, MB. */
const peakMb = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

let server = await serve();
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const latencies: number[] = [];
let refused = 0;
/** Commands that were delivered while the server was down or was being killed. */
const overRestart = new Set<number>();
let isDown = false;

function post(body: string, id: string): Promise<number> {
  const headers = {
    "content-type": "application/json",
    "x-github-event": "issue_comment",
    "x-github-delivery": id,
    "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
    "content-length": Buffer.byteLength(body),
  };
  return new Promise((done) => {
    const sent = request(`${server.url}/api/github/webhooks`, { method: "POST", agent, headers }, (response) => {
      response.once("error", () => done(0));
      response.resume().once("end", () => done(response.statusCode ?? 0));
    });
    sent.once("error", () => done(0)).end(body);
  });
}

/** A command more, which is under way when the server is killed. */
const CUT_OFF = DELIVERIES + 1;

async function deliver(n: number): Promise<void> {
  const isCommand = n % COMMAND_EVERY === 0 || n === CUT_OFF;
  const id = `d-${n}`;
  const body = commentOf(n, isCommand ? "/whetstone help" : "Thank you!");
  const begun = performance.now();
  if (isCommand) github.commanded(n);
  if (isCommand && isDown) overRestart.add(n);
  const status = await post(body, id);
  if (status === 202) latencies.push(performance.now() - begun);
  else refused += 1;
  github.logged({ id: n, guid: id, body, taken: status === 202 });
}

let [firstPeak, downMs] = [0, 0];
const restart = async (): Promise<void> => {
  firstPeak = peakMb(server.pid);
  const underWay = github.hold(CUT_OFF);
  overRestart.add(CUT_OFF);
  await Promise.all([deliver(CUT_OFF), underWay]);
  const begun = performance.now();
  isDown = true;
  server.child.kill("SIGKILL");
  await once(server.child, "exit");
  server = await serve();
  isDown = false;
  downMs = performance.now() - begun;
};

const begun = performance.now();
const under: Promise<void>[] = [];
let restarted: Promise<void> | undefined;
for (let n = 1; n <= DELIVERIES; n += 1) {
  const wait = begun + (n * 1_000) / RATE - performance.now();
  if (wait > 0) await setTimeout(wait);
  if (n === Math.floor(DELIVERIES / 2)) restarted = restart();
  under.push(deliver(n));
}
await Promise.all([...under, restarted]);

const db = new DatabaseSync(database, { timeout: 5_000 });
const done = (): number => Number(db.prepare("SELECT count(*) AS n FROM app_work WHERE state = 2").get()?.["n"]);
const dead = (): number => Number(db.prepare("SELECT count(*) AS n FROM app_work WHERE state = 3").get()?.["n"]);
const loadEnded = performance.now();
// A claim of the killed process is free again when its lease has run out.
while (done() <= DELIVERIES && performance.now() - loadEnded < 120_000) await setTimeout(250);
const drainMs = performance.now() - loadEnded;

const sorted = latencies.toSorted((a, b) => a - b);
const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
const reactionsOf = (wasDown: boolean): readonly number[] =>
  [...github.reactions()].flatMap(([n, ms]) => (overRestart.has(n) === wasDown ? [ms] : [])).toSorted((a, b) => a - b);
const reactions = reactionsOf(false);
const rows = [
  ["deliveries sent", `${DELIVERIES} at ${RATE}/s`],
  ["acknowledged at once", String(latencies.length)],
  [
    "acknowledgement p50, p99, largest",
    `${quantile(0.5).toFixed(1)}, ${quantile(0.99).toFixed(1)}, ${quantile(1).toFixed(1)} ms`,
  ],
  ["refused while it was down", `${refused} in ${(downMs / 1_000).toFixed(1)} s`],
  ["handled in the end, dead", `${done()} of ${DELIVERIES + 1}, ${dead()}`],
  ["all handled after the last delivery", `${(drainMs / 1_000).toFixed(1)} s`],
  [
    "commands answered with one comment",
    `${github.answered()} of ${Math.floor(DELIVERIES / COMMAND_EVERY) + 1}, doubled ${github.doubled()}`,
  ],
  [
    "first reaction to a command p50, p90",
    `${[0.5, 0.9].map((q) => (reactions[Math.floor(q * reactions.length)] ?? NaN).toFixed(0)).join(", ")} ms of ${reactions.length}`,
  ],
  [
    "the same over the restart; the largest was under way when it was killed",
    `${reactionsOf(true)
      .map((ms) => ms.toFixed(0))
      .join(", ")} ms`,
  ],
  ["peak memory before and after the restart", `${firstPeak.toFixed(0)}, ${peakMb(server.pid).toFixed(0)} MB`],
];
process.stdout.write(`${renderTable(["measure", "value"], rows)}\n`);
db.close();
agent.destroy();
server.child.kill("SIGTERM");
await once(server.child, "exit");
await github[Symbol.asyncDispose]();
rmSync(folder, { recursive: true, force: true });
