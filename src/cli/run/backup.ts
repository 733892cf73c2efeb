import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { formatBytes } from "../../config/bytes.ts";
import { repositoryRoot } from "../../github/repository.ts";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { codeOf, WhetstoneError } from "../../model/error.ts";
import { changeSubject } from "../../protect/authorization/subject.ts";
import { assertPermit } from "../../protect/permit.ts";
import { isPostgresUrl } from "../../store/open.ts";
import { backupSqlite } from "../../store/sqlite-backup.ts";
import { restoreSqlite } from "../../store/sqlite-restore.ts";
import { spanStoreUrl } from "../../wire.ts";
import type { BackupOptions, RestoreOptions } from "../commands/backup.ts";
import { configIfAny } from "../config.ts";
import { printJson, type Io } from "../io.ts";
import { digestOfFile } from "../file-digest.ts";
import { permitByToken } from "../permission.ts";
import { countProgress } from "../progress.ts";
import { openCliProtection } from "../protection.ts";
import { readTokenOption } from "../token-source.ts";

/** `whetstone backup`. */
export async function runBackup(file: string, options: BackupOptions, io: Io): Promise<number> {
  const path = await sqlitePath(
    options,
    io,
    `pg_dump --format=custom --schema=whetstone --file=${file} "$DATABASE_URL"`,
  );
  const progress = countProgress(io, "copying");
  try {
    const target = resolve(io.cwd, file);
    const made = await backupSqlite({ path, file: target, force: options.force === true, onProgress: progress.show });
    progress.stop();
    if (options.json) printJson(io, { file, ...made });
    else
      io.out(
        `${countOf(made.traces, "trace")}, ${formatBytes(made.bytes)}, in ${file}; checked, SHA-256 in ${file}.sha256.\n`,
      );
    return EXIT.pass;
  } finally {
    progress.stop();
  }
}

/** `whetstone restore`. */
export async function runRestore(file: string, options: RestoreOptions, io: Io): Promise<number> {
  const path = await sqlitePath(options, io, `pg_restore --clean --if-exists --dbname="$DATABASE_URL" ${file}`);
  if (options.force === true && existsSync(path)) await assertMayReplace(resolve(io.cwd, file), options, io);
  const made = await restoreSqlite({ file: resolve(io.cwd, file), path, force: options.force === true });
  if (options.json) printJson(io, { store: path, ...made });
  else io.out(`${countOf(made.traces, "trace")}, ${formatBytes(made.bytes)}, checked and restored to ${path}.\n`);
  return EXIT.pass;
}

/**
 * Replacing the store that is there needs an admin's permission for exactly this backup. Outside of a repository there is
 * no state branch to ask on, and nobody but the owner of the files.
 */
async function assertMayReplace(file: string, options: RestoreOptions, io: Io): Promise<void> {
  const root = await repositoryRoot(io.cwd).catch((error: unknown) => {
    if (codeOf(error) === "not_a_repository") return undefined;
    throw error;
  });
  if (root === undefined) return;
  const subject = changeSubject(await digestOfFile(file));
  const token = await readTokenOption(options, io);
  const wanted = { operation: "backup.restore", target: "store", subject, token } as const;
  assertPermit(await permitByToken(await openCliProtection(options, io), wanted), "backup.restore");
}

/** The file of the store. @throws WhetstoneError `usage` for PostgreSQL, which has its own tool */
async function sqlitePath(options: BackupOptions, io: Io, tool: string): Promise<string> {
  const url = spanStoreUrl({ ...options, cwd: io.cwd }, io.env, await configIfAny(options, io));
  if (!isPostgresUrl(url)) return url;
  throw new WhetstoneError("usage", "The store is in PostgreSQL, whose own tools back it up and restore it.", {
    remedy: `Run ${tool}`,
  });
}
