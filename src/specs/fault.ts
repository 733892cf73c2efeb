import { WhetstoneError } from "../model/error.ts";

const SHOWN = 60;

/**
 * An error at an offset of a selector or pattern: what is wrong, the position (from 1) and the text with a caret below.
 */
export function selectorFault(text: string, offset: number, what: string): WhetstoneError {
  const from = Math.max(0, offset - SHOWN);
  const shown = text.slice(from, offset + SHOWN).replaceAll(/\s/g, " ");
  const caret = `${" ".repeat(offset - from)}^`;
  return new WhetstoneError("spec_invalid", `${what} (position ${offset + 1})\n  ${shown}\n  ${caret}`, {
    remedy: "See docs/specs.md for the selectors and patterns that are understood.",
    data: { offset },
  });
}
