import { WhetstoneError } from "../model/error.ts";
import { SessionRecord } from "../model/proposal.ts";
import { readJson } from "../protect/files.ts";
import type { SessionRunner } from "./port.ts";

/** Recorded sessions are small; anything larger is not one. */
const LARGEST_RECORD_BYTES = 4 * 1024 * 1024;

/**
 * Reads a recorded session.
 * @throws WhetstoneError `session_invalid`: missing, truncated, or not of a schema `whetstone.session/1` or `/2`.
 */
export async function readSession(file: string): Promise<SessionRecord> {
  return readJson({ path: file, schema: SessionRecord, limitBytes: LARGEST_RECORD_BYTES, code: "session_invalid" });
}

/** A runner that gives a recorded session's answer, whatever it is asked. No model runs. */
export function replayRunner(file: string): SessionRunner {
  return {
    kind: "replay",
    run: async (request) => {
      const record = await readSession(file);
      if (record.target !== request.target) {
        throw new WhetstoneError(
          "session_invalid",
          `${file} was recorded on target "${record.target}", not "${request.target}".`,
          {
            remedy: `Choose a recording of "${request.target}", or --target ${record.target}.`,
          },
        );
      }
      if (record.mode === request.mode) return record;
      throw new WhetstoneError("session_invalid", `${file} is a recorded ${record.mode}, not a ${request.mode}.`, {
        remedy: `Choose --mode ${record.mode}, or another recording.`,
      });
    },
  };
}
