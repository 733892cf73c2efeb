import { readFile } from "node:fs/promises";
import Papa from "papaparse";
import { callSamples, checkDoubled } from "../canary/samples.ts";
import type { Arm, CallSample } from "../model/call.ts";
import { fileFaultOf, messageOf, WhetstoneError } from "../model/error.ts";

/**
 * Calls of one arm from a file: CSV with a header, or NDJSON, told by the first character.
 * @throws WhetstoneError `input_unreadable` naming the file and the row or line
 */
export async function readSamples(path: string, arm: Arm): Promise<CallSample[]> {
  const text = await readText(path);
  const source = { arm, name: path };
  const samples = callSamples(text.trimStart().startsWith("{") ? parseLines(text, path) : parseCsv(text, path), source);
  checkDoubled(samples, source);
  return samples;
}

const COLUMNS = ["timestamp", "operation", "durationMs", "error"];
const HEADER = `Write CSV with the header ${COLUMNS.join(",")}.`;

function parseCsv(text: string, path: string): Record<string, string>[] {
  const parsed = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: "greedy" });
  const [fault] = parsed.errors.filter(({ code }) => code !== "UndetectableDelimiter");
  // A header alone is a file without calls, another header alone is another file.
  const lacks = parsed.data.length > 0 ? [] : COLUMNS.filter((name) => parsed.meta.fields?.includes(name) === false);
  if (lacks.length > 0) {
    throw new WhetstoneError("input_unreadable", `${path}: the header lacks ${lacks.join(", ")}.`, { remedy: HEADER });
  }
  if (fault === undefined) return parsed.data;
  throw new WhetstoneError("input_unreadable", `${path}: row ${(fault.row ?? 0) + 1}: ${fault.message}.`, {
    remedy: HEADER,
  });
}

function parseLines(text: string, path: string): unknown[] {
  const rows: unknown[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      rows.push(JSON.parse(line));
    } catch (error) {
      throw new WhetstoneError("input_unreadable", `${path}: line ${index + 1} is not JSON: ${messageOf(error)}.`, {
        remedy: "Write one JSON object a line with timestamp, operation, durationMs and error.",
        cause: error,
      });
    }
  }
  return rows;
}

/** The text of a file. @throws WhetstoneError `input_unreadable` */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `${path} cannot be read: ${fileFaultOf(error)}.`, {
      remedy: "Name a file that exists.",
      cause: error,
    });
  }
}
