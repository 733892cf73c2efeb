import { isNode, LineCounter, parseDocument, type Document } from "yaml";
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

/** Parses YAML 1.2 text. Never throws: what cannot be read is a fault. */
export function readYaml(text: string): YamlText | { readonly faults: readonly YamlFault[] } {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines });
    const syntax = document.errors[0];
    if (syntax !== undefined) {
      const at = lines.linePos(syntax.pos[0]);
      return notYaml(`${syntax.message.split("\n")[0]}`, { line: at.line, column: at.col });
    }
    return { value: document.toJS(), document, at: (path) => position(document, lines, path) };
  } catch (error) {
    // Unknown aliases, alias bombs and nesting deeper than the stack show only here.
    return notYaml(messageOf(error));
  }
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
