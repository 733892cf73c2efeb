import { relative } from "node:path";
import { recompute } from "../../loop/replay.ts";
import { EXIT } from "../../model/codes.ts";
import { openDossier } from "../../protect/dossier.ts";
import type { CommonOptions } from "../command.ts";
import { dossierPath } from "../dossier-path.ts";
import { printJson, type Io } from "../io.ts";
import { renderTable } from "../table.ts";
import { countOf } from "../../model/count-of.ts";

/** `whetstone replay`: exit 1 when a file or a verdict differs. */
export async function runReplay(named: string, options: CommonOptions, io: Io): Promise<number> {
  const path = await dossierPath(named, io.cwd);
  const dossier = await openDossier(path);
  const recomputed = recompute(dossier);
  const different = recomputed.filter(({ equal }) => !equal);
  const { manifest } = dossier;
  if (options.json) {
    printJson(io, {
      dossier: manifest.id,
      files: manifest.files.length,
      equal: different.length === 0,
      verdicts: recomputed,
    });
  } else {
    io.out(
      `${relative(io.cwd, path) || path}: ${countOf(manifest.files.length, "file matches", "files match")} the manifest.\n\n`,
    );
    const rows = recomputed.map(({ name, verdict, equal, file }) => [
      name,
      verdict,
      equal ? "equal" : "DIFFERENT",
      file,
    ]);
    io.out(renderTable(["stage", "recorded", "recomputed", "file"], rows));
    io.out(different.length === 0 ? `\nEvery verdict recomputed equal. Run ended: ${manifest.verdict}.\n` : "\n");
  }
  for (const { name, file } of different) io.err(`${file}: the verdict of ${name} recomputes differently.\n`);
  return different.length === 0 ? EXIT.pass : EXIT.fail;
}
