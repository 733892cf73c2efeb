import { openGitStateReader } from "../../github/git-state.ts";
import { repositoryRoot } from "../../github/repository.ts";
import type { StateView } from "../../github/state-port.ts";
import { EXIT } from "../../model/codes.ts";
import { findSession, listSessions, type KeptSession } from "../../protect/session-records.ts";
import type { CommonOptions } from "../command.ts";
import type { SessionListOptions } from "../commands/session.ts";
import { printJson, type Io } from "../io.ts";
import { describeSession, formatUsd, stopOf } from "../session-text.ts";
import { renderTable } from "../table.ts";

/** `whetstone session list`: exit 1 when a record cannot be read, after all others were shown. */
export async function runSessionList({ target, json }: SessionListOptions, io: Io): Promise<number> {
  const { sessions, unreadable } = await listSessions(await stateOf(io));
  const shown = sessions.filter(({ record }) => target === undefined || record.target === target);
  if (json) printJson(io, { sessions: shown.map(toRow), unreadable });
  else if (shown.length === 0) io.out("No sessions on record.\n");
  else io.out(tableOf(shown));
  for (const path of unreadable) io.err(`warning: ${path} on branch whetstone/state is no record of a session.\n`);
  return unreadable.length === 0 ? EXIT.pass : EXIT.fail;
}

/** `whetstone session show`. */
export async function runSessionShow(id: string, { json }: CommonOptions, io: Io): Promise<number> {
  const { record } = await findSession(await stateOf(io), id);
  if (json) printJson(io, record);
  else io.out(describeSession(record));
  return EXIT.pass;
}

async function stateOf(io: Io): Promise<StateView> {
  return openGitStateReader({ cwd: await repositoryRoot(io.cwd) }).view();
}

function toRow({ key, record }: KeptSession) {
  const { id, mode, target, model, recordedAt, usage, partial, answer, run } = record;
  return {
    id,
    ...(key === id ? {} : { run: key }),
    recordedAt,
    mode,
    target,
    model,
    stop: stopOf(record),
    partial,
    turns: usage.turns,
    costUsd: usage.costUsd,
    proposes: answer?.title ?? null,
    ...(run?.continues === undefined ? {} : { continues: run.continues }),
  };
}

function tableOf(sessions: readonly KeptSession[]): string {
  const rows = sessions.map(({ record }) => [
    record.id,
    record.recordedAt,
    record.mode,
    record.target,
    record.model,
    stopOf(record),
    String(record.usage.turns),
    formatUsd(record.usage.costUsd),
  ]);
  return renderTable(["session", "recorded", "mode", "target", "model", "ended", "turns", "cost"], rows);
}
