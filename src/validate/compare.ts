import type { CallResult } from "../model/call.ts";
import type { Json } from "../model/json.ts";

/** A place where a replayed call returned something else than before. */
export type ResultDifference = {
  /** Position of the call in the workload: `s1/3`. */
  readonly key: string;
  readonly tool: string;
  /** JSON path of the first difference. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
};

/** Tool and JSON path (array positions as `*`) of fields that differ between two runs of the same code. */
export type Noise = ReadonlySet<string>;

/**
 * Learns which result fields are noise: they differ between runs of the *same* version on the same calls
 * (created ids, timestamps). Only leaves become noise; a difference in structure stays a difference.
 */
export function learnNoise(runs: readonly (readonly CallResult[])[]): Noise {
  const noise = new Set<string>();
  const [first, ...others] = runs;
  const byKey = new Map((first ?? []).map((call) => [call.key, call]));
  for (const run of others) {
    for (const call of run) {
      const reference = byKey.get(call.key);
      if (!reference) continue;
      for (const { path, leaf } of differences(meaning(reference.result), meaning(call.result), "$")) {
        if (leaf) noise.add(noiseKey(call.tool, path));
      }
    }
  }
  return noise;
}

/** Compares two runs call by call: status first, then the result without the noise. First difference of each call only. */
export function compareResults(
  before: readonly CallResult[],
  after: readonly CallResult[],
  noise: Noise,
): ResultDifference[] {
  const found: ResultDifference[] = [];
  const byKey = new Map(after.map((call) => [call.key, call]));
  for (const call of before) {
    const other = byKey.get(call.key);
    if (!other || call.status !== other.status) {
      found.push({ ...at(call, "$status"), before: call.status, after: other?.status ?? "no answer" });
      continue;
    }
    const change = differences(meaning(call.result), meaning(other.result), "$").find(
      ({ path, leaf }) => !leaf || !noise.has(noiseKey(call.tool, path)),
    );
    if (change) found.push({ ...at(call, change.path), before: excerpt(change.before), after: excerpt(change.after) });
  }
  return found;
}

function at(call: CallResult, path: string): { key: string; tool: string; path: string } {
  return { key: call.key, tool: call.tool, path };
}

/** MCP servers often put JSON into a text block; comparing the parsed value finds the field that differs. */
function meaning(value: Json): Json {
  if (typeof value === "string" && /^\s*[[{]/.test(value)) {
    try {
      return JSON.parse(value) as Json;
    } catch {
      return value; // not JSON after all: compared as text
    }
  }
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, meaning(member)]));
}

type Difference = {
  readonly path: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  readonly leaf: boolean;
};

function differences(before: Json | undefined, after: Json | undefined, path: string): Difference[] {
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item, index) => differences(item, after[index], `${path}[${index}]`));
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], `${path}.${key}`));
  }
  if (before === after) return [];
  return [{ path, before, after, leaf: isLeaf(before) && isLeaf(after) && typeof before === typeof after }];
}

function isRecord(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLeaf(value: Json | undefined): boolean {
  return value !== undefined && (typeof value !== "object" || value === null);
}

function noiseKey(tool: string, path: string): string {
  return `${tool} ${path.replaceAll(/\[\d+\]/g, "[*]")}`;
}

function excerpt(value: Json | undefined): string {
  const text = value === undefined ? "absent" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}
