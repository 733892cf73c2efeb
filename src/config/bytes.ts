import { WhetstoneError } from "../model/error.ts";

/** A size as text: a number with a unit. */
export const BYTES = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

const PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Parses a size such as `500MB` or `10GiB` into bytes.
 * @throws WhetstoneError `usage` when the text is no size
 */
export function parseBytes(text: string): number {
  const [, number = "", unit = ""] = BYTES.exec(text.trim()) ?? [];
  const bytes = Number(number) * (PER_UNIT[unit] ?? Number.NaN);
  if (number !== "" && Number.isFinite(bytes)) return bytes;
  throw new WhetstoneError("usage", `"${text}" is not a size.`, {
    remedy: "Write a number with a unit, such as 500MB or 10GB.",
  });
}

/** Bytes for people: `0 B`, `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  while (value >= 1_000 && units.length > 1) {
    value /= 1_000;
    units.shift();
  }
  return `${value >= 100 || units[0] === "B" ? Math.round(value) : value.toFixed(1)} ${units[0]}`;
}
