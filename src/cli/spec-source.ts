import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { buffer as readStream } from "node:stream/consumers";
import { fileFaultOf, WhetstoneError } from "../model/error.ts";
import { nearest } from "../model/nearest.ts";
import { requireSpec, type ParsedSpec } from "../specs/parse.ts";
import type { ParameterValues } from "../specs/parameters.ts";
import type { Store } from "../store/store.ts";
import { packagePath } from "./package-path.ts";

/** A specification with where it came from. */
export type FoundSpec = Extract<ParsedSpec, { ok: true }> & { readonly from: string; readonly version?: number };

export type SpecPlaces = {
  readonly cwd: string;
  /** The store, which the reader closes. */
  readonly openStore: () => Promise<Store>;
};

type Wanted = { readonly name: string; readonly version?: number; readonly parameters: ParameterValues };

/**
 * The specification that a word of the command line names: a file (also `-`, standard input), a stored specification, or
 * a template that comes along, in this order.
 * @throws WhetstoneError `not_found`, `spec_invalid`, `input_unreadable`, and what the store rejects with
 */
export async function findSpec({ name, version, parameters }: Wanted, places: SpecPlaces): Promise<FoundSpec> {
  if (version === undefined && (name === "-" || isFile(name, places.cwd))) {
    return { ...requireSpec(await readSpecFile(name, places.cwd), name, { parameters }), from: name };
  }
  const stored = await storedSpec(name, version, places);
  if (stored !== undefined) {
    const from = `${name}@${stored.version}`;
    return { ...requireSpec(stored.body, from, { parameters }), from, version: stored.version };
  }
  if (version === undefined && templateNames().includes(name)) {
    return { ...requireSpec(await templateText(name), name, { parameters }), from: `template ${name}` };
  }
  throw notFound(name, version);
}

function isFile(name: string, cwd: string): boolean {
  return existsSync(resolve(cwd, name)) || /\.(ya?ml|json)$/.test(name);
}

async function storedSpec(name: string, version: number | undefined, { openStore }: SpecPlaces) {
  await using store = await openStore();
  return store.documents.get("spec", name, version);
}

/** The error for a name that nothing has. */
export function notFound(name: string, version?: number): WhetstoneError {
  const near = nearest(name, templateNames());
  const what = version === undefined ? `"${name}"` : `"${name}" of version ${version}`;
  const remedy =
    near === undefined || version !== undefined
      ? "Name a file, or see `whetstone spec list` and `whetstone spec list --templates`."
      : `Did you mean the template "${near}"?`;
  return new WhetstoneError("not_found", `There is no specification ${what}.`, { remedy });
}

/** The text of a specification file. @throws WhetstoneError `input_unreadable` */
export async function readSpecFile(name: string, cwd: string): Promise<string> {
  try {
    const bytes = name === "-" ? await readStream(process.stdin) : await readFile(resolve(cwd, name));
    // Text in another encoding would be read as names that no span has.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `${name} cannot be read: ${fileFaultOf(error)}.`, {
      remedy: "Give the path of a specification file, or - to read it from standard input.",
      cause: error,
    });
  }
}

/** `--param NAME=VALUE` as values. @throws WhetstoneError `usage` */
export function parseParameters(words: readonly string[]): ParameterValues {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new WhetstoneError("usage", `--param "${word}" is not name=value.`, {
        remedy: "Write --param tool=search.",
      });
    }),
  );
}

/** A version number of the command line. @throws WhetstoneError `usage` */
export function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new WhetstoneError("usage", `"${text}" is not a version.`, {
    remedy: "Versions count from 1; see `whetstone spec show NAME --history`.",
  });
}

/** Names of the templates that come along. */
export function templateNames(): string[] {
  return readdirSync(templateFolder())
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.replace(/\.yaml$/, ""))
    .sort();
}

/** The text of a template that comes along. @throws WhetstoneError `not_found` */
export async function templateText(name: string): Promise<string> {
  if (templateNames().includes(name)) return readFile(join(templateFolder(), `${name}.yaml`), "utf8");
  const near = nearest(name, templateNames());
  throw new WhetstoneError("not_found", `There is no template "${name}".`, {
    remedy: near === undefined ? `There are ${templateNames().join(", ")}.` : `Did you mean "${near}"?`,
  });
}

/** `specs/templates` of the package. */
function templateFolder(): string {
  return packagePath(join("specs", "templates"));
}
