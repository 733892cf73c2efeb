import type { Review } from "../model/detect.ts";
import type { Evidence } from "../model/finding.ts";

/** All that a reviewer sees: nothing in which the author of a change could speak for it. */
export type ReviewRequest = { readonly diff: string; readonly evidence: Evidence };

/** A second model that looks at a change. Adapters: `messages-reviewer.ts`; tests give functions. */
export type Reviewer = {
  readonly model: string;
  /** Never rejects: no answer is `missing`, with the reason. */
  readonly review: (request: ReviewRequest) => Promise<Review>;
};
