import { EXIT } from "../../model/codes.ts";
import { countOf } from "../../model/count-of.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { diffSpecs, type SpecChange } from "../../specs/diff.ts";
import { describeTemplate } from "../../specs/parameters.ts";
import { parseSpec, requireSpec } from "../../specs/parse.ts";
import type { DocumentSummary } from "../../store/document-port.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import type { DefineOptions, ListOptions, ShowOptions, UpdateOptions } from "../commands/spec.ts";
import { configIfAny } from "../config.ts";
import { printJson, type Io } from "../io.ts";
import { notFound, parseParameters, parseVersion, readSpecFile, templateNames, templateText } from "../spec-source.ts";
import { oneLine, paintOut, renderTable } from "../table.ts";

/** `whetstone spec list`. */
export async function runSpecList(options: ListOptions, io: Io): Promise<number> {
  if (options.templates === true) return listTemplates(options, io);
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new WhetstoneError("usage", `--limit ${options.limit} is not a whole number from 1 to 1000.`, {
      remedy: "Ask for at most 1000 and page on with --after.",
    });
  }
  await using store = await openStore(options, io, { mustExist: true });
  const after = options.after === undefined ? {} : { after: options.after };
  const { documents, total } = await store.documents.list("spec", { limit, ...after });
  if (options.json) {
    printJson(io, { specs: documents.map(summaryJson), total, returned: documents.length });
    return EXIT.pass;
  }
  if (documents.length === 0) io.out("No specification is stored. Templates: whetstone spec list --templates\n");
  else io.out(renderTable(["name", "version", "written", "bytes"], documents.map(summaryRow)));
  const last = documents.at(-1);
  if (documents.length === limit && last !== undefined) io.out(`${total} in all. Next page: --after ${last.name}\n`);
  return EXIT.pass;
}

function summaryJson({ name, version, writtenNs, bytes }: DocumentSummary) {
  return { name, version, written: formatInstant(writtenNs), bytes };
}

function summaryRow({ name, version, writtenNs, bytes }: DocumentSummary): string[] {
  return [name, String(version), formatInstant(writtenNs), String(bytes)];
}

async function listTemplates(options: ListOptions, io: Io): Promise<number> {
  const templates = await Promise.all(
    templateNames().map(async (name) => ({ name, ...describeTemplate(await templateText(name)) })),
  );
  if (options.json) printJson(io, { templates });
  else {
    const rows = templates.map(({ name, parameters, description }) => [
      name,
      parameters.map((parameter) => (parameter.required ? parameter.name : `[${parameter.name}]`)).join(" "),
      description,
    ]);
    io.out(renderTable(["template", "parameters", "what it checks"], rows));
  }
  return EXIT.pass;
}

/** `whetstone spec show`. */
export async function runSpecShow(name: string, options: ShowOptions, io: Io): Promise<number> {
  const version = parseVersion(options.version);
  await using store = await openStore(options, io, { mustExist: true });
  if (options.history === true) {
    const versions = await store.documents.history("spec", name);
    if (versions.length === 0) throw notFound(name);
    if (options.json) printJson(io, { name, versions: versions.map(summaryJson) });
    else io.out(renderTable(["name", "version", "written", "bytes"], versions.map(summaryRow)));
    return EXIT.pass;
  }
  const stored = await store.documents.get("spec", name, version);
  if (stored === undefined && (version !== undefined || !templateNames().includes(name))) {
    throw notFound(name, version);
  }
  const body = stored?.body ?? (await templateText(name));
  if (!options.json) {
    io.out(body.endsWith("\n") ? body : `${body}\n`);
    return EXIT.pass;
  }
  const parsed = parseSpec(body);
  const shown = parsed.ok ? { specification: parsed.spec.file } : { faults: parsed.faults };
  const origin =
    stored === undefined ? { template: true } : { version: stored.version, written: formatInstant(stored.writtenNs) };
  printJson(io, { name, ...origin, text: body, ...shown });
  return EXIT.pass;
}

/** `whetstone spec define`. */
export async function runSpecDefine(file: string | undefined, options: DefineOptions, io: Io): Promise<number> {
  if ((file === undefined) === (options.template === undefined)) {
    throw new WhetstoneError("usage", "Give either a specification file or --template.", {
      remedy: "Write `whetstone spec define FILE`, or `whetstone spec define --template NAME --param k=v`.",
    });
  }
  const from = file ?? `template ${options.template}`;
  const text = file === undefined ? await templateText(options.template ?? "") : await readSpecFile(file, io.cwd);
  const parsed = requireSpec(text, from, { parameters: parseParameters(options.param) });
  const name = options.name ?? parsed.spec.name;
  await using store = await openStore(options, io);
  const known = await store.documents.get("spec", name);
  if (known !== undefined) {
    throw new WhetstoneError("usage", `There is a specification "${name}" already, version ${known.version}.`, {
      remedy: `Store the next version with \`whetstone spec update ${name} FILE\`, or choose another --name.`,
    });
  }
  const written = await store.documents.put({
    kind: "spec",
    name,
    body: parsed.text,
    nowNs: systemClock.now(),
    after: 0,
  });
  if (options.json) printJson(io, { name, version: written.version });
  else io.out(`stored ${oneLine(name)} version ${written.version}\n`);
  return EXIT.pass;
}

/** `whetstone spec update`. A text that says the same as the newest version is not stored again. */
export async function runSpecUpdate(
  { name, file }: { readonly name: string; readonly file: string },
  options: UpdateOptions,
  io: Io,
): Promise<number> {
  const after = parseVersion(options.after);
  const text = await readSpecFile(file, io.cwd);
  const parsed = requireSpec(text, file, { parameters: parseParameters(options.param) });
  await using store = await openStore(options, io, { mustExist: true });
  const known = await store.documents.get("spec", name);
  if (known === undefined) throw notFound(name);
  const before = parseSpec(known.body);
  // A version that this program cannot read any more must not stand in the way of the next one.
  const changes = before.ok ? diffSpecs(before.spec.file, parsed.spec.file) : [];
  if (!before.ok) io.err(`note: version ${known.version} cannot be read, so what changed is not known\n`);
  const same = known.body === parsed.text && (after === undefined || after === known.version);
  const version = same
    ? known.version
    : (
        await store.documents.put({
          kind: "spec",
          name,
          body: parsed.text,
          nowNs: systemClock.now(),
          after: after ?? known.version,
        })
      ).version;
  if (options.json) printJson(io, { name, version, stored: !same, changes });
  else printUpdate(io, { name, version, same, changes });
  return EXIT.pass;
}

type Update = {
  readonly name: string;
  readonly version: number;
  readonly same: boolean;
  readonly changes: readonly SpecChange[];
};

function printUpdate(io: Io, { name, version, same, changes }: Update): void {
  if (same) {
    io.out(`${oneLine(name)} is at version ${version} already: nothing changed\n`);
    return;
  }
  io.out(`stored ${oneLine(name)} version ${version}: ${countOf(changes.length, "change")}\n`);
  for (const { path, before, after } of changes) {
    if (before !== null) io.out(`${paintOut(io, "red", `- ${oneLine(`${path}: ${JSON.stringify(before)}`)}`)}\n`);
    if (after !== null) io.out(`${paintOut(io, "green", `+ ${oneLine(`${path}: ${JSON.stringify(after)}`)}`)}\n`);
  }
}

async function openStore(options: CommonOptions, io: Io, { mustExist = false } = {}) {
  return openSpanStore({ ...options, cwd: io.cwd, mustExist }, io.env, await configIfAny(options, io));
}
