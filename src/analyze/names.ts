const MAX_NAME_IN_TEXT = 80;
const MAX_LABEL = 160;

/**
 * A name from telemetry as it may stand in a sentence: names are hostile text, so only `[A-Za-z0-9._/ -]` survives,
 * every other character becomes `?`; cut at 80 characters.
 */
export function nameInText(name: string): string {
  const cut = name.length > MAX_NAME_IN_TEXT ? `${name.slice(0, MAX_NAME_IN_TEXT - 3)}...` : name;
  return cut.replace(/[^A-Za-z0-9._/ -]/g, "?");
}

/**
 * A name from telemetry as an identifier of bounded size: kept as it is up to 160 characters; longer names are cut and
 * get a checksum of the whole name (FNV-1a, 32 bit), so that different names stay different.
 */
export function boundedName(name: string): string {
  if (name.length <= MAX_LABEL) return name;
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return `${name.slice(0, MAX_LABEL - 9).toWellFormed()}~${hash.toString(16).padStart(8, "0")}`;
}

/** A number of milliseconds for a sentence: three significant digits, `120 ms`, `0.35 ms`. */
export function msInText(ms: number): string {
  return `${Number(ms.toPrecision(3))} ms`;
}

/** A share for a sentence: `12.5 %`. */
export function shareInText(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
