import { resolve } from "node:path";
import { readConfig } from "../config/read.ts";
import type { Config } from "../config/schema.ts";
import { WhetstoneError } from "../model/error.ts";
import { DEFAULT_CONFIG, type CommonOptions } from "./command.ts";
import type { Io } from "./io.ts";

/**
 * The configuration that a command of the store goes by: the file of `--config`, or `whetstone.yaml` where there is one.
 * @throws WhetstoneError `config_missing` for a file that was named, `config_invalid`
 */
export async function configIfAny({ config }: CommonOptions, io: Io): Promise<Config | undefined> {
  try {
    return await readConfig(resolve(io.cwd, config ?? DEFAULT_CONFIG));
  } catch (error) {
    if (config === undefined && error instanceof WhetstoneError && error.code === "config_missing") return undefined;
    throw error;
  }
}
