import { readFile } from "node:fs/promises";
import { codeOf, fileFaultOf, WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";
import { parseConfig } from "./parse.ts";
import type { Config, Target } from "./schema.ts";

/**
 * Reads the configuration file.
 * @throws WhetstoneError `config_missing`, `config_invalid`.
 */
export async function readConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const missing = codeOf(error) === "ENOENT";
    throw new WhetstoneError(
      missing ? "config_missing" : "config_invalid",
      missing ? `There is no configuration file ${file}.` : `${file} cannot be read: ${fileFaultOf(error)}.`,
      {
        remedy:
          "Run this in the folder that has it, `whetstone init` to write a commented one, or name another with --config FILE.",
        cause: error,
      },
    );
  }
  return parseConfig(text, file);
}

/**
 * The named target, or the only one when no name is given.
 * @throws WhetstoneError `target_unknown`.
 */
export function selectTarget(config: Config, name: string | undefined): { name: string; target: Target } {
  const names = Object.keys(config.targets);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  const target = chosen === undefined ? undefined : config.targets[chosen];
  if (chosen !== undefined && target) return { name: chosen, target };
  const near = name === undefined ? undefined : nearest(name, names);
  throw new WhetstoneError(
    "target_unknown",
    name === undefined ? `${names.length} targets are configured.` : `There is no target "${name}".`,
    {
      remedy: near
        ? `Did you mean "${near}"?`
        : names.length === 0
          ? "Add one under `targets:` in whetstone.yaml; `whetstone init` writes an example."
          : `Choose one with --target: ${names.join(", ")}.`,
    },
  );
}
