import { resolve } from "node:path";
import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { writeFileWhole } from "../../protect/files.ts";
import { generateSpec, QUANTILES, type QuantileText } from "../../specs/generate/generate.ts";
import { requireSpec } from "../../specs/parse.ts";
import type { GenerateOptions } from "../commands/spec.ts";
import { printJson, type Io } from "../io.ts";
import { readSpecTraces } from "../spec-traces.ts";
import { oneLine } from "../table.ts";
import { specPlaces } from "./spec-check.ts";

/** `whetstone spec generate`: 0 written, 3 there is no trace. */
export async function runSpecGenerate(options: GenerateOptions, io: Io): Promise<number> {
  if (options.from.length === 0) {
    throw new WhetstoneError("usage", "--from is missing.", {
      remedy: "Give traces: --from traces.json, a trace id, or a window of the store such as -1h..now.",
    });
  }
  const quantile = parseQuantile(options.quantile);
  const { traces, notes } = await readSpecTraces(options.from, specPlaces(options, io));
  for (const note of notes) io.err(`note: ${oneLine(note)}\n`);
  if (traces.length === 0) {
    if (options.json) printJson(io, { verdict: "inconclusive", reason: "There is no trace.", traces: 0 });
    else io.err("There is no trace to make a specification from.\n");
    return EXIT.inconclusive;
  }
  const generated = generateSpec(traces, {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.open === true ? { open: true } : {}),
    ...(quantile === undefined ? {} : { quantile }),
  });
  requireSpec(generated.text, "the generated specification");
  if (options.output !== undefined) await writeFileWhole(resolve(io.cwd, options.output), generated.text);
  for (const note of generated.notes) io.err(`note: ${note}\n`);
  if (options.json) {
    const { text, file, traces: read, spans } = generated;
    const output = options.output === undefined ? {} : { output: options.output };
    printJson(io, { name: file.name, traces: read, spans, ...output, specification: file, text });
  } else if (options.output === undefined) io.out(generated.text);
  else io.out(`wrote ${options.output}: ${oneLine(generated.file.name)} from ${countOf(generated.traces, "trace")}\n`);
  return EXIT.pass;
}

/** @throws WhetstoneError `usage` */
function parseQuantile(text: string | undefined): QuantileText | undefined {
  if (text === undefined) return undefined;
  const known = (Object.keys(QUANTILES) as QuantileText[]).find((key) => Number(key) === Number(text));
  if (known !== undefined) return known;
  throw new WhetstoneError("usage", `--quantile ${text} is none of ${Object.keys(QUANTILES).join(", ")}.`, {
    remedy: "Write --quantile 0.95.",
  });
}
