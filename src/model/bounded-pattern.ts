/** Longest regular expression that a configuration may hold. */
const LONGEST_SOURCE = 256;
/** Most ways in which the repetitions of a pattern may divide a text from one place. */
const MOST_WAYS = 5_000;
/** Longest text that a pattern may match: as much is looked at beyond a cut. */
const LONGEST_MATCH = 1_000;

/** A part of the source: a character class, an escape, a group's bounds, a repetition, or any other character. */
const PART =
  /\[(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\k<[^>]*>|\\.|\((?:\?(?::|<?[=!]|<[^>]*>))?|\)|[*+?]\??|\{\d+(?:,\d*)?\}\??|[^]/gu;

type Group = { hasRepetition: boolean };

/**
 * Why a regular expression of a configuration is refused, since hostile text could make it take very long; undefined
 * when it may be used. Every repetition needs an upper bound and none may hold another one: from one place of the text
 * such a pattern tries at most {@link MOST_WAYS} ways, so that the time is linear in the text. References back and
 * looking around are refused as well.
 */
export function patternFault(source: string): string | undefined {
  if (source === "") return "it is empty";
  if (source.length > LONGEST_SOURCE) return `it is longer than ${LONGEST_SOURCE} characters`;
  const invalid = syntaxFault(source);
  if (invalid !== undefined) return invalid;
  const groups: Group[] = [{ hasRepetition: false }];
  let closed: Group | undefined;
  let ways = 1;
  let longest = 0;
  for (const [part] of source.matchAll(PART)) {
    const refused = partFault(part);
    if (refused !== undefined) return refused;
    const most = repetition(part);
    if (most !== undefined) {
      const isOptional = part.startsWith("?");
      if (!isOptional && closed?.hasRepetition === true) return "a repetition holds another one";
      for (const group of groups) group.hasRepetition = true;
      ways *= most.ways;
      longest *= closed === undefined ? 1 : Math.max(1, most.times);
      longest += most.times;
    } else if (part.startsWith("(")) groups.push({ hasRepetition: false });
    else longest += 1;
    closed = part === ")" ? groups.pop() : undefined;
    // An alternation in a repeated group gives as many ways as a repetition.
    if (part === "|") for (const group of groups) group.hasRepetition = true;
  }
  if (ways > MOST_WAYS) return `its repetitions allow ${ways} ways to match one text, more than ${MOST_WAYS}`;
  if (longest > LONGEST_MATCH) return `it may match more than ${LONGEST_MATCH} characters`;
  return new RegExp(source, "u").test("") ? "it matches the empty text" : undefined;
}

function syntaxFault(source: string): string | undefined {
  try {
    RegExp(source, "u");
    return undefined;
  } catch (error) {
    return error instanceof SyntaxError ? error.message : "it is no regular expression";
  }
}

function partFault(part: string): string | undefined {
  if (/^\\(?:[1-9]|k<)/.test(part)) return "it refers back to a group";
  if (/^\(\?<?[=!]/.test(part)) return "it looks around";
  if (/^[*+]|^\{\d+,\}/.test(part)) return `the repetition "${part}" has no upper bound; write {1,64}, for example`;
  return undefined;
}

/** `{2,8}` repeats at most 8 times and stops in 7 ways; undefined for what is no repetition. */
function repetition(part: string): { readonly times: number; readonly ways: number } | undefined {
  if (part.startsWith("?")) return { times: 1, ways: 2 };
  const [, least, most = least] = /^\{(\d+)(?:,(\d+))?\}/.exec(part) ?? [];
  return least === undefined ? undefined : { times: Number(most), ways: Number(most) - Number(least) + 1 };
}
