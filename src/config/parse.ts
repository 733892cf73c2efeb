import { WhetstoneError } from "../model/error.ts";
import { readYaml, type YamlFault } from "../yaml/document.ts";
import { checkShape } from "../yaml/shape.ts";
import { Config } from "./schema.ts";

/**
 * Parses the text of `whetstone.yaml`. Pure.
 * @throws WhetstoneError `config_invalid`: the message names file, line and column, and the nearest known key for an unknown one.
 */
export function parseConfig(text: string, file: string): Config {
  const yaml = readYaml(text);
  const checked = "faults" in yaml ? yaml : checkShape(yaml, Config);
  if ("value" in checked) return checked.value;
  throw invalid(checked.faults.map((fault) => inFile(file, fault)).join("\n"));
}

function inFile(file: string, { line, column, message }: YamlFault): string {
  return `${file}:${line}:${column}: ${message}`;
}

function invalid(message: string): WhetstoneError {
  return new WhetstoneError("config_invalid", message, {
    remedy:
      "Correct the file; schemas/whetstone.schema.json lists every key, and `whetstone init` writes a commented one.",
  });
}

/** Splits a command string at white space; single and double quotes hold a word together. */
export function splitCommand(command: string | readonly string[]): readonly string[] {
  if (typeof command !== "string") return command;
  const words = command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
