import type { SessionRecord } from "../model/proposal.ts";
import type { SessionRequest, SessionRunner } from "./port.ts";

/** Memory twin of {@link SessionRunner}: answers with `answer(request)` and keeps what it was asked. */
export function memoryRunner(
  answer: (request: SessionRequest) => SessionRecord,
): SessionRunner & { readonly requests: readonly SessionRequest[] } {
  const requests: SessionRequest[] = [];
  return {
    kind: "memory",
    requests,
    run: (request) => {
      requests.push(request);
      return Promise.resolve(answer(request));
    },
  };
}
