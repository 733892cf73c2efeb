import type { Digest } from "../model/json.ts";
import { digestOf } from "../protect/digest.ts";

/**
 * Events that GitHub may honestly deliver twice with the same body, each with the reason. Every other event that is heard
 * carries the instant of what happened: a comment, a review, a pull request or a run with the time of its last change.
 */
const REPEATABLE: Readonly<Record<string, string>> = {
  "check_run.requested_action": "pressing a button changes neither the check run nor its repository",
  "check_run.rerequested": "asking for it again changes nothing before somebody acts on it",
  "deployment_protection_rule.requested": "the run is named, and not which attempt of it asks",
  "merge_group.checks_requested": "the commit of a group is named, and not which request for its checks it is",
  "installation.created": "payloads of installations need not carry the time of the change",
  "installation.deleted": "as above",
  "installation.suspend": "as above",
  "installation.unsuspend": "as above",
  "installation.new_permissions_accepted": "as above",
  "installation_repositories.added": "a repository may be taken out and put in again",
  "installation_repositories.removed": "as above",
};

/**
 * Whether the same body twice may be two events. Such a delivery is not believed because of its signature alone, which whoever
 * has seen the first one has too: GitHub's log of deliveries says whether GitHub sent it.
 */
export function mayRepeat(name: string): boolean {
  return Object.hasOwn(REPEATABLE, name);
}

/** What a delivery says, whatever its id: the same for its body from the wire and from GitHub's log. */
export function deliveryDigest(event: string, payload: unknown): Digest {
  return digestOf({ event, payload });
}
