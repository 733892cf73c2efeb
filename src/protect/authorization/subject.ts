import type { Subject } from "../../model/authorization.ts";
import type { CommitSha, Digest } from "../../model/json.ts";
import { digestOf } from "../digest.ts";

/** Exactly this patch, by its digest. */
export function changeSubject(patchDigest: Digest): Subject {
  return { kind: "change", digest: patchDigest };
}

/** The target as it stands at a commit: one commit later it is another subject. */
export function baseSubject(target: string, baseSha: CommitSha): Subject {
  return { kind: "base", baseSha, digest: digestOf({ target, baseSha }) };
}

/** A recorded state as it is now, such as the stop that is to be lifted. */
export function stateSubject(state: unknown): Subject {
  return { kind: "state", digest: digestOf(state) };
}
