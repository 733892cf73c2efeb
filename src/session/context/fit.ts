import { type ContextPart, type ContextPartName, NAMED_DROPS } from "../../model/context.ts";
import { estimateTokens } from "./tokens.ts";

/** One entry of a part: what it is called when it is dropped, and its lines. */
export type Entry = { readonly id: string; readonly text: string };

/** A part as far as its limit let it in. */
export type Fitted = { readonly text: string; readonly account: ContextPart };

/**
 * Takes entries, strongest or newest first, while they fit into the limit. The first that does not fit ends the part:
 * nothing weaker stands in for something stronger. Each entry ends with a line break, which counts.
 */
export function fit(part: ContextPartName, limitTokens: number, entries: readonly Entry[]): Fitted {
  const lines: string[] = [];
  let tokens = 0;
  for (const { text } of entries) {
    const line = `${text}\n`;
    const cost = estimateTokens(line);
    if (tokens + cost > limitTokens) break;
    tokens += cost;
    lines.push(line);
  }
  const dropped = entries.slice(lines.length);
  const droppedIds = dropped.slice(0, NAMED_DROPS).map(({ id }) => id);
  const account = { part, limitTokens, tokens, kept: lines.length, dropped: dropped.length, droppedIds };
  return { text: lines.join(""), account };
}
