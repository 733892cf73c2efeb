import { relative } from "node:path";
import { openGitStateReader } from "../../github/git-state.ts";
import { repositoryRoot } from "../../github/repository.ts";
import { executeSession, type SessionEnd, type SessionOrder } from "../../loop/run-session.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { SessionMode, type SessionRecord } from "../../model/proposal.ts";
import { parseInstant } from "../../model/time.ts";
import { findSession } from "../../protect/session-records.ts";
import { systemClock } from "../../wire.ts";
import { cliActor } from "../protection.ts";
import type { SessionResumeOptions, SessionStartOptions } from "../commands/session.ts";
import { printJson, type Io } from "../io.ts";
import { stageProgress } from "../progress.ts";
import { sessionSource } from "../session-source.ts";
import { describeSession } from "../session-text.ts";

/** `whetstone session start`. */
export async function runSessionStart(options: SessionStartOptions, io: Io): Promise<number> {
  const mode = SessionMode.safeParse(options.mode);
  if (!mode.success) {
    throw new WhetstoneError("usage", `"${options.mode}" is no mode.`, {
      remedy: "Use --mode analysis or --mode refinement.",
    });
  }
  const { target, question } = options;
  return await execute({ ...(await orderOf(options, io)), mode: mode.data, target, question }, options, io);
}

/**
 * `whetstone session resume`: a new session that is told the summary of the one that was cut off.
 * @throws WhetstoneError `not_found`; `usage` for a session that ended by itself
 */
export async function runSessionResume(id: string, options: SessionResumeOptions, io: Io): Promise<number> {
  const root = await repositoryRoot(io.cwd);
  const { record } = await findSession(await openGitStateReader({ cwd: root }).view(), id);
  if (!record.partial) {
    throw new WhetstoneError("usage", `Session ${record.id} ended by itself; there is nothing to go on with.`, {
      remedy: `Look at it with \`whetstone session show ${record.id}\`, or start a new one.`,
    });
  }
  const { mode, target } = record;
  const question = options.question ?? askedBefore(record);
  return await execute({ ...(await orderOf(options, io)), mode, target, question, continues: record.id }, options, io);
}

/** What the earlier one was asked. Records of before had a sentence in front that the session is told anyway. */
function askedBefore({ run }: SessionRecord): string | undefined {
  const asked = run?.question?.replace(/^Go on with session [^\n]*\n?/, "");
  return asked === "" ? undefined : asked;
}

type Asked = Omit<SessionStartOptions, "mode" | "target">;

/** What start and resume take from their flags. @throws WhetstoneError `usage`, `input_unreadable` */
async function orderOf(options: Asked, io: Io): Promise<Omit<SessionOrder, "mode" | "target" | "question">> {
  return {
    places: { ...options, cwd: io.cwd },
    env: io.env,
    actor: cliActor(io),
    window: windowOf(options),
    source: await sessionSource(options, io),
    dryRun: options.dryRun === true,
  };
}

function windowOf({ since, until }: Asked): SessionOrder["window"] {
  if (since === undefined && until === undefined) return undefined;
  if (since === undefined) throw new WhetstoneError("usage", "--until needs --since.", { remedy: "Name both times." });
  const now = systemClock.now();
  const window = { sinceNs: parseInstant(since, now), untilNs: until === undefined ? now : parseInstant(until, now) };
  if (window.sinceNs < window.untilNs) return window;
  throw new WhetstoneError("usage", "The window ends before it starts.", { remedy: "Name the earlier time first." });
}

async function execute(order: SessionOrder, { json }: Pick<Asked, "json">, io: Io): Promise<number> {
  const progress = stageProgress(io);
  try {
    const note = (line: string): void => io.err(`${line}\n`);
    const end = await executeSession(order, { observer: progress, progress: progress.step, note });
    if (json) printJson(io, toJson(end, io));
    else printEnd(io, end);
    return EXIT[end.verdict];
  } finally {
    progress.stop();
  }
}

function toJson({ verdict, reasons, stages, record, proposal, folder, evidence }: SessionEnd, io: Io): unknown {
  return {
    verdict,
    reasons,
    stages,
    session: record ?? null,
    proposal: proposal ?? null,
    findings: evidence?.findings ?? [],
    files: folder === undefined ? null : relative(io.cwd, folder),
    costUsd: record?.usage.costUsd ?? 0,
  };
}

function printEnd(io: Io, { verdict, reasons, record, proposal, folder }: SessionEnd): void {
  if (record !== undefined) io.out(`${describeSession(record)}\n`);
  io.out(`Verdict: ${verdict} (${reasons.join(", ")})\n`);
  if (folder === undefined) return;
  const files = relative(io.cwd, folder);
  io.out(`Files: ${files}\n`);
  if (proposal !== undefined) io.out(`Next: whetstone validate ${files}/session/record.json\n`);
  if (record?.partial === true) io.out(`Go on with it: whetstone session resume ${record.id}\n`);
}
