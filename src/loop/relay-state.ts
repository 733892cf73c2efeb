import { z } from "zod";
import type { Seen } from "../flow.ts";
import { Amount } from "../model/budget.ts";
import { CallResult } from "../model/call.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { CommitSha } from "../model/json.ts";
import type { DossierFiles } from "../model/stage.ts";
import { StepVerdict } from "../model/step-verdict.ts";
import type { OpenDossier } from "../protect/dossier.ts";
import { needPart, readPart } from "./dossier-parts.ts";
import type { Carried } from "./stages.ts";

/** File of a dossier under way that holds what later jobs need and the finished dossier does not. */
export const RELAY_FILE = "relay.json";

const RelayFile = z.strictObject({
  schema: z.literal("whetstone.relay/1"),
  /** Results of the captured calls, from which validation learns what is noise. */
  results: z.array(CallResult),
  branch: z.strictObject({ branch: z.string().min(1), sha: CommitSha }).exactOptional(),
  /** The session's answer was a recording. */
  replayed: z.boolean().exactOptional(),
  steps: z.strictObject({ detect: StepVerdict.exactOptional(), validate: StepVerdict.exactOptional() }).exactOptional(),
  /** What a live session cost. */
  spent: z.union([Amount, z.literal("unknown")]).exactOptional(),
});

/** What stages leave for later jobs, as a file of the dossier that is handed on. */
export function packCarried({ captured, branch, replayed, steps, spent }: Carried): string {
  const file: z.input<typeof RelayFile> = {
    schema: "whetstone.relay/1",
    results: [...(captured?.results ?? [])],
    ...(replayed === undefined ? {} : { replayed }),
    ...(steps === undefined ? {} : { steps }),
    ...(spent === undefined ? {} : { spent }),
    ...(branch === undefined ? {} : { branch: { branch: branch.branch, sha: CommitSha.parse(branch.sha) } }),
  };
  return `${JSON.stringify(file)}\n`;
}

/**
 * What the stages of earlier jobs left for this one.
 * @throws WhetstoneError `dossier_mismatch` when a part is missing or does not hold what it should
 */
export function unpackCarried(dossier: OpenDossier): Carried {
  const { baseSha, id } = dossier.manifest;
  const text = dossier.text(RELAY_FILE);
  const file = text === undefined ? undefined : parseRelayFile(text);
  const proposal = readPart(dossier, "proposal.json");
  return {
    baseSha,
    ...(file === undefined ? {} : { captured: { results: file.results, loaded: [] } }),
    ...(file?.branch === undefined ? {} : { branch: file.branch }),
    ...(file?.steps === undefined ? {} : { steps: file.steps }),
    ...(file?.spent === undefined ? {} : { spent: file.spent }),
    ...(file?.replayed === undefined ? {} : { replayed: file.replayed }),
    ...(proposal === undefined
      ? {}
      : {
          decided: {
            proposal,
            session: needPart(dossier, "session/record.json"),
            evidence: needPart(dossier, "evidence/evidence.json"),
            dossier: id,
          },
        }),
  };
}

/** What the stages so far left for the record, read from the files of a dossier. */
export function seenIn(dossier: OpenDossier): Seen {
  const evidence = readPart(dossier, "evidence/evidence.json");
  const session = readPart(dossier, "session/record.json");
  const proposal = readPart(dossier, "proposal.json");
  const validation = readPart(dossier, "validation/report.json");
  const branch = unpackCarried(dossier).branch?.branch;
  return {
    ...(evidence === undefined ? {} : { evidence }),
    ...(session === undefined ? {} : { session }),
    ...(proposal === undefined ? {} : { proposal }),
    ...(validation === undefined ? {} : { validation }),
    ...(branch === undefined ? {} : { branch }),
  };
}

/** The files of a dossier, to go on with. */
export function filesOf({ manifest, bytes }: OpenDossier): DossierFiles {
  return new Map(manifest.files.map(({ path }) => [path, bytes(path) ?? new Uint8Array()]));
}

function parseRelayFile(text: string): z.output<typeof RelayFile> {
  try {
    return RelayFile.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("dossier_mismatch", `${RELAY_FILE} does not hold what it should: ${messageOf(error)}`, {
      remedy: "Run the whole workflow again; parts of different versions do not fit together.",
      data: { file: RELAY_FILE },
      cause: error,
    });
  }
}
