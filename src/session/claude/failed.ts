import { WhetstoneError } from "../../model/error.ts";

/** The error of a session of which nothing can be used; `data` is added to `outcome`. */
export function sessionFailed(outcome: string, detail: string, data: Readonly<Record<string, unknown>> = {}) {
  return new WhetstoneError("session_failed", `The session ended without an answer (${outcome}): ${detail}`, {
    remedy: "See data.outcome: mend the set-up or the key, or try again later.",
    data: { outcome, ...data },
  });
}
