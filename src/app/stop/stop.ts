import type { Actor } from "../../model/ledger.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { HandlerContext } from "../handler.ts";

/** What a stop or its end achieved; `said` is Markdown for the conversation. */
export type Swept = { readonly complete: boolean; readonly said: string };

/** Stops everything; run again, it completes what failed. */
export function stopAll(
  _context: Pick<HandlerContext, "repository" | "schedule" | "clock">,
  _request: { readonly by: Actor; readonly why: string | null },
): Promise<Swept> {
  return Promise.reject(new WhetstoneError("defect", "The stop of everything is not built yet."));
}

/** Lets everything go on that was stopped, with the permission of the person who asks, who must be an admin. */
export function resumeAll(
  _context: Pick<HandlerContext, "repository" | "schedule" | "clock">,
  _request: { readonly by: Actor },
): Promise<Swept> {
  return Promise.reject(new WhetstoneError("defect", "The end of a stop is not built yet."));
}
