import { ERROR_CODES, type ErrorCode } from "./codes.ts";

/** What a {@link WhetstoneError} may carry besides its code and message. */
export type ErrorOptionsWithRemedy = {
  /** One sentence that tells the reader what to do. */
  readonly remedy?: string;
  /** The error underneath. */
  readonly cause?: unknown;
  /** Facts as fields, for programs; never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
};

/**
 * The only error that Whetstone throws on purpose. The code comes from a closed set; branch on it, never on the text.
 * The message says what and where; the remedy says what to do.
 */
export class WhetstoneError extends Error {
  override readonly name = "WhetstoneError";
  readonly code: ErrorCode;
  readonly remedy: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptionsWithRemedy = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
    this.data = options.data ?? {};
  }

  /** Process exit code that this error maps to. */
  get exitCode(): 1 | 2 {
    return ERROR_CODES[this.code].exit;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  const message = field(thrown, "message");
  return typeof message === "string" ? message : String(thrown);
}

/** The code of anything that was thrown: `ENOENT` of the system, or an {@link ErrorCode}. */
export function codeOf(thrown: unknown): string | undefined {
  const code = field(thrown, "code");
  return typeof code === "string" ? code : undefined;
}

/** Words for what the operating system says of a file or program most often. */
const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EACCES: "this user has no permission for it",
  EPERM: "this user has no permission for it",
};

/** Why a file could not be read or written, in words where they are known, else {@link messageOf}. */
export function fileFaultOf(thrown: unknown): string {
  return FILE_FAULTS[codeOf(thrown) ?? ""] ?? messageOf(thrown);
}

/** By shape, not by class: errors of another realm (workers, test sandboxes) are errors too. */
function field(thrown: unknown, name: "message" | "code"): unknown {
  return typeof thrown === "object" && thrown !== null && name in thrown ? Reflect.get(thrown, name) : undefined;
}
