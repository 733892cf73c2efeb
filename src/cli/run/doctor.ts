import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import picomatch from "picomatch";
import { playSession } from "../../capture/play.ts";
import { splitCommand } from "../../config/parse.ts";
import { readConfig } from "../../config/read.ts";
import type { Config } from "../../config/schema.ts";
import { openGitStateReader } from "../../github/git-state.ts";
import { gitRecords, runGit } from "../../github/git.ts";
import { repositoryRoot } from "../../github/repository.ts";
import { readWorkload } from "../../loop/run.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { namesNobody } from "../../protect/authorization/roles.ts";
import { ledgerEnd } from "../../protect/ledger.ts";
import { countViolations, type Violations } from "../../protect/violations.ts";
import { isPostgresUrl } from "../../store/open.ts";
import {
  childEnvironment,
  openProtection,
  openSpanStore,
  spanStoreUrl,
  systemClock,
  systemRandom,
} from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import { DEFAULT_CONFIG } from "../command.ts";
import type { DoctorOptions } from "../commands/doctor.ts";
import { printJson, type Io } from "../io.ts";
import type { Diagnosis } from "../setup-checks.ts";
import { openIndex } from "./audit.ts";
import { checkGitHub } from "./doctor-github.ts";
import { forTerminal } from "../../protect/sanitise.ts";
import { paintOut } from "../table.ts";

/** `whetstone doctor`: every check runs, whatever the others say; exit 1 when one failed. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<number> {
  const results = options.github === undefined ? await checkHere(options, io) : await checkGitHub(options.github, io);
  if (options.json) printJson(io, { ok: results.every(({ ok }) => ok), checks: results });
  else printResults(io, results);
  return results.every(({ ok }) => ok) ? EXIT.pass : EXIT.fail;
}

async function checkHere(options: CommonOptions, io: Io): Promise<Diagnosis[]> {
  const file = resolve(io.cwd, options.config ?? DEFAULT_CONFIG);
  const config = await readConfig(file).catch(() => undefined);
  return [
    await check("node", () => Promise.resolve(`${process.version}, ${process.execPath.split("/").at(-1)}`)),
    await check("git", async () => (await runGit({ args: ["--version"], cwd: io.cwd })).stdout.toString("utf8").trim()),
    await check("repository", () => repositoryRoot(io.cwd)),
    await check("configuration", async () => targetsOf(await readConfig(file))),
    await check("store", () => checkStore(options, io, config)),
    await check("ledger", () => checkLedger(io)),
    await check("kill switch", () => checkKillSwitch(io)),
    await check("protection", () => checkProtection(io, config)),
    ...(config ? await checkTargets(config, io) : []),
  ];
}

function targetsOf({ targets }: Config): string {
  const names = Object.keys(targets);
  return names.length === 0 ? "no target yet" : `${names.length === 1 ? "target" : "targets"} ${names.join(", ")}`;
}

async function check(name: string, probe: () => Promise<string>): Promise<Diagnosis> {
  try {
    return { name, ok: true, found: await probe() };
  } catch (error) {
    const remedy = error instanceof WhetstoneError ? error.remedy : undefined;
    return { name, ok: false, found: messageOf(error), ...(remedy === undefined ? {} : { remedy }) };
  }
}

async function checkStore(options: CommonOptions, io: Io, config: Config | undefined): Promise<string> {
  const places = { ...options, cwd: io.cwd };
  const url = spanStoreUrl(places, io.env, config);
  // Looking for a store must not make one: a mistyped path would look as if all were well.
  if (!isPostgresUrl(url) && !existsSync(url)) return `none yet at ${url}; the first run, proxy or import makes it`;
  await using store = await openSpanStore(places, io.env, config);
  const page = await store.search({}, { limit: 1 });
  return page.total === undefined ? "opens" : `opens, ${countOf(page.total, "trace")}`;
}

/** The newest file alone: how long the ledger is must not matter here. */
async function checkLedger(io: Io): Promise<string> {
  const { seq } = await ledgerEnd(await openGitStateReader({ cwd: await repositoryRoot(io.cwd) }).view());
  return `${countOf(seq, "record")}, their end verifies; \`whetstone audit verify\` reads all`;
}

async function checkKillSwitch(io: Io): Promise<string> {
  await openProtection(await repositoryRoot(io.cwd)).killSwitch.assertRunning();
  return "not set";
}

/** Who may grant, and how often what was tried was refused as a violation. */
async function checkProtection(io: Io, config: Config | undefined): Promise<string> {
  const { twoPerson = false, roles = {} } = config?.protection ?? {};
  const { readOnly, scope, resourceLimit, timeout } = await violations(io);
  const who = namesNobody(roles) ? "no roles named: the person at the command line may grant all" : "roles named";
  const counts = `${readOnly} read-only, ${scope} scope, ${resourceLimit} resource limit, ${timeout} timeout`;
  return `${who}; two-person rule ${twoPerson ? "on" : "off"}; refused: ${counts}`;
}

async function violations(io: Io): Promise<Violations> {
  const index = await openIndex(io);
  try {
    return countViolations(index.denied());
  } finally {
    index.close();
  }
}

/** Globs that match no committed file would refuse every proposal. */
async function checkSource(root: string, globs: readonly string[]): Promise<string> {
  const files = await gitRecords({ args: ["ls-files", "-z"], cwd: root });
  const matches = picomatch([...globs], { dot: true });
  const matching = files.filter((file) => matches(file));
  if (matching.length > 0) return `${matching.length} committed files may be changed by a proposal`;
  throw new WhetstoneError("config_invalid", `${globs.join(", ")} matches no committed file.`, {
    remedy: "Name the files that a proposal may change under `source`, and commit them.",
  });
}

/** Each target's server is started for real and asked for its tools. */
async function checkTargets(config: Config, io: Io): Promise<Diagnosis[]> {
  const root = await repositoryRoot(io.cwd).catch(() => io.cwd);
  const checks: Diagnosis[] = [];
  for (const [name, target] of Object.entries(config.targets)) {
    const workload = join(root, target.workload);
    checks.push(
      await check(`${name}: source`, () => checkSource(root, target.source)),
      await check(`${name}: workload`, async () => {
        const { sessions } = await readWorkload(workload);
        return `${countOf(
          sessions.reduce((total, session) => total + session.calls.length, 0),
          "call",
        )} in ${countOf(sessions.length, "session")}`;
      }),
    );
    if (!existsSync(workload)) continue;
    checks.push(
      await check(`${name}: server`, async () => {
        const [session] = (await readWorkload(workload)).sessions;
        const [call] = session?.calls ?? [];
        if (!session || !call) return "no calls to try";
        const [result] = await playSession({
          server: {
            command: splitCommand(target.command),
            cwd: root,
            env: { ...childEnvironment(io.env), ...target.env },
          },
          session: { ...session, calls: [call] },
          service: name,
          arm: "baseline",
          run: "doctor",
          concurrency: 1,
          clock: systemClock,
          random: systemRandom,
          timeoutMs: target.startTimeoutSeconds * 1000,
          onSpans: () => Promise.resolve(),
        });
        return `starts; ${call.tool} answered ${result?.status ?? "nothing"}`;
      }),
    );
  }
  return checks;
}

/** Where what was found begins. */
const INDENT = " ".repeat(24);

/** Further lines stand below the first one. */
const indented = (text: string): string => text.trimEnd().replaceAll("\n", `\n${INDENT}`);

function printResults(io: Io, results: readonly Diagnosis[]): void {
  for (const { name, ok, found, remedy } of results) {
    io.out(
      `${ok ? paintOut(io, "green", "ok  ") : paintOut(io, "red", "FAIL")} ${name.padEnd(18)} ${indented(forTerminal(found))}\n`,
    );
    if (remedy !== undefined) io.out(`${INDENT}${indented(remedy)}\n`);
  }
}
