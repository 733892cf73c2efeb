import type { WhetstoneError } from "../../model/error.ts";
import { selectorFault } from "../fault.ts";

/** Most characters of a selector, and deepest nesting of its brackets. */
export const SELECTOR_LIMITS = { characters: 4_000, depth: 50 } as const;

/** A text that is read from left to right. */
export type Reader = {
  readonly text: string;
  /** What stands next, white space skipped; undefined when it does not match. The reader goes on behind it. */
  readonly take: (pattern: RegExp) => RegExpExecArray | undefined;
  /** Whether this stands next; the reader stays. */
  readonly sees: (pattern: RegExp) => boolean;
  /** Takes what must stand next. @throws WhetstoneError `spec_invalid` */
  readonly need: (pattern: RegExp, what: string) => RegExpExecArray;
  readonly atEnd: () => boolean;
  /** Offset of what stands next. */
  readonly offset: () => number;
  /** An error at an offset, that of what stands next unless told. */
  readonly fault: (what: string, offset?: number) => WhetstoneError;
  /** Runs a part inside one more level of brackets. @throws WhetstoneError `spec_invalid` when it is too deep */
  readonly nested: <T>(part: () => T) => T;
};

/** A reader at the start of a text. Patterns must be sticky (`y`). @throws WhetstoneError `spec_invalid` when too long */
export function readerOf(text: string): Reader {
  let at = 0;
  let depth = 0;
  const skip = (): number => {
    while (/\s/.test(text[at] ?? "x")) at += 1;
    return at;
  };
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = skip();
    return pattern.exec(text) ?? undefined;
  };
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = match(pattern);
    if (found !== undefined) at += found[0].length;
    return found;
  };
  const fault = (what: string, offset = skip()): WhetstoneError => selectorFault(text, offset, what);
  if (text.length > SELECTOR_LIMITS.characters) {
    throw fault(`longer than ${SELECTOR_LIMITS.characters} characters`, SELECTOR_LIMITS.characters);
  }
  return {
    text,
    take,
    sees: (pattern) => match(pattern) !== undefined,
    need: (pattern, what) => {
      const found = take(pattern);
      if (found === undefined) throw fault(`${what} is expected`);
      return found;
    },
    atEnd: () => skip() >= text.length,
    offset: skip,
    fault,
    nested: (part) => {
      depth += 1;
      if (depth > SELECTOR_LIMITS.depth) throw fault("brackets are nested too deep");
      const result = part();
      depth -= 1;
      return result;
    },
  };
}
