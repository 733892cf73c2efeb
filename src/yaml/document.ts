import { isNode, isScalar, LineCounter, parseDocument, visit, type Document } from "yaml";
import { messageOf } from "../model/error.ts";

/** A place in a document: keys and indices from its top. */
export type YamlPath = readonly (string | number)[];

/** What is wrong with a document, and where; `line` and `column` count from 1. */
export type YamlFault = {
  readonly line: number;
  readonly column: number;
  readonly path: YamlPath;
  readonly message: string;
};

/** YAML text as a value, with the way back from a path to its place in the text. */
export type YamlText = {
  readonly value: unknown;
  readonly document: Document;
  /** Where the value at a path stands, or the nearest one around it. */
  readonly at: (path: YamlPath) => Pick<YamlFault, "line" | "column">;
};

/**
 * Parses YAML 1.2 text. Never throws: what cannot be read is a fault. So is an alias of what stands around it, which has
 * no end, and the key `__proto__`, which what reads the value would skip without a word.
 */
export function readYaml(text: string): YamlText | { readonly faults: readonly YamlFault[] } {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines });
    const syntax = document.errors[0];
    if (syntax !== undefined) {
      const at = lines.linePos(syntax.pos[0]);
      // The place is told in front of it.
      const [message = ""] = syntax.message.split(/ at line \d+, column \d+:?(?:\n|$)|\n/);
      return notYaml(message, { line: at.line, column: at.col });
    }
    const proto = placeOfProto(document);
    if (proto !== undefined) {
      const at = lines.linePos(proto);
      return notYaml("the key __proto__ cannot be used", { line: at.line, column: at.col });
    }
    const value: unknown = document.toJS();
    if (holdsItself(value, new Set())) return notYaml("an alias stands inside of what it stands for");
    return { value, document, at: (path) => position(document, lines, path) };
  } catch (error) {
    // Unknown aliases, alias bombs and nesting deeper than the stack show only here.
    return notYaml(messageOf(error));
  }
}

/** Offset of the first key `__proto__`. */
function placeOfProto(document: Document): number | undefined {
  let found: number | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isScalar(key) || key.value !== "__proto__") return undefined;
      found = key.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

function holdsItself(value: unknown, above: Set<object>): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.has(value)) return true;
  above.add(value);
  const found = Object.values(value).some((inner) => holdsItself(inner, above));
  above.delete(value);
  return found;
}

function notYaml(message: string, at = { line: 1, column: 1 }): { readonly faults: readonly YamlFault[] } {
  return { faults: [{ ...at, path: [], message: `not valid YAML: ${message}` }] };
}

function position(document: Document, lines: LineCounter, path: YamlPath): Pick<YamlFault, "line" | "column"> {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    const start = isNode(node) ? node.range?.[0] : undefined;
    if (start !== undefined) {
      const at = lines.linePos(start);
      return { line: at.line, column: at.col };
    }
  }
  return { line: 1, column: 1 };
}
