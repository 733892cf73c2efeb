import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { checkPopulation } from "../../specs/check.ts";
import { renderCheck } from "../../specs/render.ts";
import { systemClock } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import type { CheckOptions } from "../commands/spec.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { findSpec, parseParameters, parseVersion } from "../spec-source.ts";
import { readSpecTraces } from "../spec-traces.ts";
import { oneLine, paintOut } from "../table.ts";

/** `whetstone spec check`: 0 match, 1 no match, 3 undecided. */
export async function runSpecCheck(name: string, options: CheckOptions, io: Io): Promise<number> {
  const places = specPlaces(options, io);
  const version = parseVersion(options.version);
  if (options.trace.length === 0) {
    throw new WhetstoneError("usage", "--trace is missing.", {
      remedy: "Give traces to check: --trace traces.json, a trace id, or a window of the store such as -1h..now.",
    });
  }
  const parameters = parseParameters(options.param);
  const found = await findSpec({ name, parameters, ...(version === undefined ? {} : { version }) }, places);
  const { traces, notes } = await readSpecTraces(options.trace, places);
  for (const note of notes) io.err(`note: ${oneLine(note)}\n`);
  const result = checkPopulation(
    found.spec,
    traces,
    found.version === undefined ? {} : { name, version: found.version },
  );
  if (options.json) printJson(io, result);
  else io.out(`${renderCheck(result, (style, text) => paintOut(io, style, text)).join("\n")}\n`);
  return EXIT[result.verdict];
}

/** Where the commands of specifications look for files and stores. */
export function specPlaces(options: CommonOptions, io: Io) {
  return {
    cwd: io.cwd,
    now: systemClock.now(),
    openStore: () => openCommandStore(options, io, { mustExist: true }),
  };
}
