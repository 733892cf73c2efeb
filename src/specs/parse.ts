import { WhetstoneError } from "../model/error.ts";
import { readYaml, type YamlFault, type YamlText } from "../yaml/document.ts";
import { checkShape } from "../yaml/shape.ts";
import { compileSpec } from "./compile.ts";
import { declaredParameters, fillParameters, type ParameterValues } from "./parameters.ts";
import { TraceSpecFile } from "./schema.ts";
import type { TraceSpec } from "./spec.ts";

/** Longest text of a specification, in characters. */
export const LONGEST_SPEC = 1_048_576;

export type ParseOptions = {
  /** Values for the parameters of a template. */
  readonly parameters?: ParameterValues;
};

/** A specification that was read, or everything that is wrong with its text. */
export type ParsedSpec =
  | { readonly ok: true; readonly spec: TraceSpec; readonly text: string }
  | { readonly ok: false; readonly faults: readonly YamlFault[] };

/**
 * Reads a trace specification (YAML, of which JSON is a part). Never throws: every fault has line, column and path; an
 * unknown key names the nearest known one, a bad selector has its position and a caret. `text` is the specification with
 * its parameters filled in.
 */
export function parseSpec(text: string, { parameters = {} }: ParseOptions = {}): ParsedSpec {
  if (text.length > LONGEST_SPEC) return failed([atTop(`longer than ${LONGEST_SPEC} characters`)]);
  const yaml = readYaml(text);
  if ("faults" in yaml) return failed(yaml.faults);
  const declared = declaredParameters(yaml.value);
  const isTemplate = Object.keys(declared).length > 0;
  const wrong = fillParameters(yaml.document, declared, parameters);
  if (wrong.length > 0) return failed(wrong.map((message) => ({ ...yaml.at(["parameters"]), path: [], message })));
  const filled: YamlText = isTemplate ? { ...yaml, value: yaml.document.toJS() } : yaml;
  const shaped = checkShape(filled, TraceSpecFile);
  if ("faults" in shaped) return failed(shaped.faults);
  const { spec, faults } = compileSpec(shaped.value);
  if (faults.length > 0) return failed(faults.map((fault) => ({ ...yaml.at(fault.path), ...fault })));
  yaml.document.delete("parameters");
  return { ok: true, spec, text: isTemplate ? yaml.document.toString({ lineWidth: 0 }) : text };
}

function atTop(message: string): YamlFault {
  return { line: 1, column: 1, path: [], message };
}

function failed(faults: readonly YamlFault[]): ParsedSpec {
  return { ok: false, faults };
}

/**
 * The specification of a text that must be one. `from`: what the text is called in messages.
 * @throws WhetstoneError `spec_invalid` with one line per fault: `FILE:LINE:COLUMN: what`
 */
export function requireSpec(text: string, from: string, options: ParseOptions = {}): Extract<ParsedSpec, { ok: true }> {
  const parsed = parseSpec(text, options);
  if (parsed.ok) return parsed;
  const lines = parsed.faults.map(({ line, column, message }) => `${from}:${line}:${column}: ${message}`);
  throw new WhetstoneError("spec_invalid", lines.join("\n"), {
    remedy: "Correct the specification; docs/specs.md and schemas/spec.schema.json describe every key.",
    data: { faults: parsed.faults },
  });
}
