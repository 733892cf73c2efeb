import { WhetstoneError } from "../model/error.ts";

/** The port that a flag names. @throws WhetstoneError `usage` when the text is no port. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new WhetstoneError("usage", `"${text}" is not a port.`, { remedy: "Write a number from 0 to 65535." });
}
