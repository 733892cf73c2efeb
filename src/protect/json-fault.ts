/** Where a text stops being JSON: 1-based line and column (UTF-16 units), and what stands there. */
export type JsonFault = { readonly line: number; readonly column: number; readonly detail: string };

/** Tokens of RFC 8259, tried where white space ends. */
const TOKEN =
  // oxlint-disable-next-line no-control-regex
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/** What may come next: a value, the first member or end of an object, a member, a colon, a comma or end, nothing. */
type Expect = "value" | "value or ]" | "key or }" | "key" | ":" | ", or end" | "end of text";
type State = { readonly open: ("{" | "[")[]; expect: Expect };

/**
 * Finds the first place where a text is not JSON; undefined when it is. `JSON.parse` does not always say the place, so
 * this walks the tokens of RFC 8259 once.
 */
export function jsonFault(text: string): JsonFault | undefined {
  const state: State = { open: [], expect: "value" };
  let offset = 0;
  for (;;) {
    TOKEN.lastIndex = offset;
    const match = TOKEN.exec(text);
    if (match === null) return faultAtRest(text, offset, state);
    const token = match[1] ?? (match[2] === undefined ? "literal" : "string");
    const next = accept(state, token);
    if (next === undefined) return faultAt(text, skipSpace(text, offset), state);
    state.expect = next;
    offset = TOKEN.lastIndex;
  }
}

/** What is expected after the token; undefined when the token may not stand here. */
function accept(state: State, token: string): Expect | undefined {
  const { expect, open } = state;
  const closes = token === "}" || token === "]";
  if (closes) return mayClose(state, token) ? (open.pop(), afterValue(open)) : undefined;
  if (expect === ", or end")
    return token === "," && open.length > 0 ? (open.at(-1) === "{" ? "key" : "value") : undefined;
  if (expect === ":") return token === ":" ? "value" : undefined;
  if (expect === "key" || expect === "key or }") return token === "string" ? ":" : undefined;
  if (expect === "end of text") return undefined;
  if (token === "string" || token === "literal") return afterValue(open);
  if (token !== "{" && token !== "[") return undefined;
  open.push(token);
  return token === "{" ? "key or }" : "value or ]";
}

function mayClose({ expect, open }: State, token: string): boolean {
  const inside = open.at(-1);
  if (token === "}") return inside === "{" && (expect === "key or }" || expect === ", or end");
  return inside === "[" && (expect === "value or ]" || expect === ", or end");
}

function afterValue(open: readonly string[]): Expect {
  return open.length === 0 ? "end of text" : ", or end";
}

function faultAtRest(text: string, offset: number, state: State): JsonFault | undefined {
  const at = skipSpace(text, offset);
  return at === text.length && state.expect === "end of text" ? undefined : faultAt(text, at, state);
}

function skipSpace(text: string, offset: number): number {
  const rest = /[^ \t\n\r]/g;
  rest.lastIndex = offset;
  return rest.exec(text)?.index ?? text.length;
}

function faultAt(text: string, at: number, { expect }: State): JsonFault {
  const before = text.slice(0, at).split("\n");
  const found =
    at >= text.length ? "the text ends" : `found ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`;
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, detail: `${found}, expected ${expect}` };
}
