import { z } from "zod";
import { DetectReport } from "../model/detect.ts";
import { messageOf } from "../model/error.ts";
import { ValidationReport } from "../model/verdict.ts";
import { openDossier, type OpenDossier } from "../protect/dossier.ts";
import { parsePatch, pathsOf } from "../protect/patch.ts";
import type { FilePatch } from "../protect/patch-form.ts";
import type { Remark, Toolkit } from "./job.ts";
import { logLine } from "./log.ts";

/** One reason against a change, in words that may be hostile. */
export type Refusal = { readonly title: string; readonly detail: string };

/** GitHub shows this many errors of a step. */
const MOST_REMARKS = 10;

/** What of a session's record is needed. */
const Answer = z.object({ answer: z.looseObject({ patch: z.string() }).nullish() });

/**
 * Puts what the checks said against a change onto the lines that it changes, as errors of the job. A reason that names
 * files is put on those, any other on the first place of each; a change that cannot be read gets one without a place.
 */
export function annotateRefusal(core: Pick<Toolkit, "error">, dossier: Pick<OpenDossier, "text">): void {
  const patch = Answer.safeParse(parsed(dossier.text("session/record.json")));
  const text = patch.success ? (patch.data.answer?.patch ?? "") : "";
  for (const { message, at } of remarksOf(text, refusalsOf(dossier))) core.error(logLine(message), at);
}

/** {@link annotateRefusal} of the dossier in a folder; one that cannot be read is said, and the verdict stands without. */
export async function annotateFrom(core: Pick<Toolkit, "error" | "info">, folder: string): Promise<void> {
  try {
    annotateRefusal(core, await openDossier(folder));
  } catch (error) {
    core.info(logLine(`No remarks on the changed lines: ${messageOf(error)}`));
  }
}

/** What the failed checks of a dossier said. */
export function refusalsOf({ text }: Pick<OpenDossier, "text">): Refusal[] {
  const detect = DetectReport.safeParse(parsed(text("detect/report.json")));
  const validation = ValidationReport.safeParse(parsed(text("validation/report.json")));
  const steps = [
    ...(detect.success ? detect.data.checks.map(({ check, ...step }) => ({ name: check, ...step })) : []),
    ...(validation.success ? validation.data.stages.map(({ stage, ...step }) => ({ name: stage, ...step })) : []),
  ];
  return steps
    .filter(({ verdict }) => verdict === "fail")
    .flatMap(({ name, reasons, details }) => {
      const title = `Whetstone: ${name} (${reasons.join(", ")})`;
      return details.length === 0 ? [{ title, detail: title }] : details.map((detail) => ({ title, detail }));
    });
}

type Placed = { readonly message: string; readonly at: Remark };

/** The remarks, and one more that says how many there was no room for. */
export function remarksOf(patch: string, refusals: readonly Refusal[]): Placed[] {
  const read = parsePatch(patch);
  const files = read.ok ? read.patch.files : [];
  const placed = refusals.flatMap(({ title, detail }): Placed[] => {
    const named = files.filter((file) => pathsOf(file).some((path) => names(detail, path)));
    const places = (named.length > 0 ? named : files).map(placeOf);
    return places.length === 0
      ? [{ message: detail, at: { title } }]
      : places.map((at) => ({ message: detail, at: { title, ...at } }));
  });
  if (placed.length <= MOST_REMARKS) return placed;
  const left = placed.length - MOST_REMARKS + 1;
  const more = { message: `${left} more remarks are in the dossier.`, at: { title: "Whetstone" } };
  return [...placed.slice(0, MOST_REMARKS - 1), more];
}

/** A path as a whole word: `src/a.ts` is not named by `src/a.tsx`. */
function names(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1)) {
    const [before = "", after = ""] = [text[at - 1], text[at + path.length]];
    if (!/[\w/.-]/.test(before) && !/[\w/-]/.test(after)) return true;
  }
  return false;
}

/** The changed lines of the first place, as the checkout has them: those of the base, or of the file that would be made. */
function placeOf({ oldPath, newPath, hunks: [first] }: FilePatch): Remark {
  const file = oldPath ?? newPath ?? "";
  if (first === undefined) return { file };
  const isOld = oldPath !== undefined;
  const counted = isOld ? "remove" : "add";
  const changes: number[] = [];
  let line = isOld ? first.oldStart : first.newStart;
  for (const { kind } of first.lines) {
    if (kind !== "context") changes.push(line);
    if (kind === "context" || kind === counted) line += 1;
  }
  const startLine = Math.max(1, changes[0] ?? line);
  return { file, startLine, endLine: Math.max(startLine, changes.at(-1) ?? startLine) };
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // no remark is lost that could have been made: the stage's verdict is told besides
  }
}
