import { parseEnv } from "../../src/config/env.ts";
import type { Io } from "../../src/cli/io.ts";

/** An {@link Io} that keeps what is written. */
export type BufferIo = { readonly io: Io; readonly out: () => string; readonly err: () => string };

/** Buffers instead of the process; no terminal unless told so. */
export function bufferIo(change: Partial<Io> = {}): BufferIo {
  const [out, err]: [string[], string[]] = [[], []];
  const io: Io = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    stream: async (text) => void out.push(text),
    cwd: "/work",
    env: parseEnv({}),
    inherited: {},
    terminal: false,
    outTerminal: false,
    columns: 100,
    ...change,
  };
  return { io, out: () => out.join(""), err: () => err.join("") };
}

/** Texts that try to do something to a terminal or to forge a line. */
export const HOSTILE: readonly string[] = [
  "\u001b[31mred\u001b[0m",
  "\u001b]0;title\u0007",
  "\u001b[2J\u001b[H",
  "\u009b2J",
  "safe\rEVIL",
  "a\nok   forged   all is well",
  "a\r\nb",
  "a\u2028b\u0085c\u000bd",
  "abc\u202etxt.exe",
  "zero\u200bwidth",
  "tab\tbed",
];

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u200b]/;

/** Whether a text holds anything but printable characters and line feeds. */
export function holdsControl(text: string): boolean {
  return CONTROL.test(text);
}
