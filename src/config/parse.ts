import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { Config } from "./schema.ts";

/**
 * Parses the text of `whetstone.yaml`. Pure.
 * @throws WhetstoneError `config_invalid`: the message names file, line and column, and the nearest known key for an unknown one.
 */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const syntax = document.errors[0];
  if (syntax) {
    const at = lines.linePos(syntax.pos[0]);
    throw invalid(`${file}:${at.line}:${at.col}: not valid YAML: ${syntax.message.split("\n")[0]}`);
  }
  const parsed = Config.safeParse(valueOf(document, file) ?? {});
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, document, lines));
  throw invalid(faults.map((fault) => `${file}:${fault}`).join("\n"));
}

/** Aliases are resolved here, so an unknown one shows only now. */
function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw invalid(`${file}: not valid YAML: ${messageOf(error)}`);
  }
}

function invalid(message: string): WhetstoneError {
  return new WhetstoneError("config_invalid", message, {
    remedy:
      "Correct the file; schemas/whetstone.schema.json lists every key, and `whetstone init` writes a commented one.",
  });
}

function describeIssue(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): string[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code !== "unrecognized_keys") {
    const message = document.getIn(path) === undefined ? "is required but missing" : issue.message;
    return [`${position(document, lines, path)}: ${path.join(".") || "the file"}: ${message}`];
  }
  const known = knownKeys(path);
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    const hint = near === undefined ? `Known keys: ${known.join(", ")}.` : `Did you mean "${near}"?`;
    const where = path.length === 0 ? "at the top level" : `in ${path.join(".")}`;
    return `${position(document, lines, [...path, key])}: unknown key "${key}" ${where}. ${hint}`;
  });
}

function position(document: Document, lines: LineCounter, path: readonly (string | number)[]): string {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
    if (Array.isArray(range) && typeof range[0] === "number") {
      const at = lines.linePos(range[0]);
      return `${at.line}:${at.col}`;
    }
  }
  return "1:1";
}

/** Keys that the schema knows at a path; used only to word an error. */
function knownKeys(path: readonly (string | number)[]): string[] {
  let schema: unknown = Config;
  for (const part of path) {
    const definition = bare(schema);
    if (definition?.shape !== undefined) schema = definition.shape[String(part)];
    else schema = definition?.valueType ?? definition?.element;
  }
  return Object.keys(bare(schema)?.shape ?? {});
}

type Definition = {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly innerType?: unknown;
  readonly valueType?: unknown;
  readonly element?: unknown;
};

function bare(schema: unknown): Definition | undefined {
  if (typeof schema !== "object" || schema === null || !("def" in schema)) return undefined;
  const definition = schema.def as Definition;
  return definition.innerType === undefined ? definition : bare(definition.innerType);
}

/** The known word within an edit distance of a third of the word's length (at least 2), if any. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({
    candidate,
    distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split("").entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split("").entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Splits a command string at white space; single and double quotes hold a word together. */
export function splitCommand(command: string | readonly string[]): readonly string[] {
  if (typeof command !== "string") return command;
  const words = command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
