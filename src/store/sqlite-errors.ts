import type { ErrorCode } from "../model/codes.ts";
import { codeOf, fileFaultOf, WhetstoneError } from "../model/error.ts";

/** Primary result codes (sqlite.org/rescode.html) that people can do something about. */
const REMEDIES: Readonly<Record<number, string>> = {
  3: "Check the permissions of the file and its folder.",
  5: "Another process has been writing for too long; end it or try again.",
  8: "Open the store for writing, or check the permissions of the file and its folder.",
  10: "Check the disk, its free space and the limits on file size.",
  11: "The file is damaged: move it away and import the traces again.",
  13: "Free space on the disk, or name a store elsewhere with --db.",
  14: "Check that the folder exists and that the file may be read and written.",
  26: "The file is not a SQLite database: name another one with --db.",
};

/** SQLite's primary result code of an error; undefined when it did not come from SQLite. */
export function resultCode(thrown: unknown): number | undefined {
  if (typeof thrown !== "object" || thrown === null || !("errcode" in thrown)) return undefined;
  return Number(thrown.errcode) & 0xff;
}

/** What was being done, for the error that says that it failed. */
export type Attempt = { readonly code: ErrorCode; readonly what: string };

/** A {@link WhetstoneError} for anything that SQLite threw; errors that are one already pass. */
export function sqliteError(thrown: unknown, attempt: Attempt): WhetstoneError {
  if (thrown instanceof WhetstoneError) return thrown;
  // The folder is made by the system, not by SQLite.
  const isRefused = ["EACCES", "EPERM", "EROFS"].includes(codeOf(thrown) ?? "");
  const remedy = REMEDIES[resultCode(thrown) ?? (isRefused ? 3 : -1)];
  return new WhetstoneError(attempt.code, `${attempt.what}: ${fileFaultOf(thrown)}.`, {
    ...(remedy === undefined ? {} : { remedy }),
    cause: thrown,
  });
}
