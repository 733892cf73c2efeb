import { join } from "node:path";
import { openRestState } from "../../src/github/rest-state.ts";
import type { CommitSha } from "../../src/model/json.ts";
import { grantAuthorization } from "../../src/protect/authorization/grant.ts";
import { ensureKey } from "../../src/protect/authorization/keys.ts";
import { requestAuthorization } from "../../src/protect/authorization/request.ts";
import { configuredRoles } from "../../src/protect/authorization/roles.ts";
import { baseSubject } from "../../src/protect/authorization/subject.ts";
import { operationOf } from "../../src/protect/operations.ts";
import { openSigningKeys } from "../../src/protect/signing-key.ts";
import { newId, systemClock, systemRandom } from "../../src/wire.ts";
import { type GitHub, OWNER, REPO } from "../support/github.ts";

/** What a person is permitted. */
export type Permitted = { readonly person: string; readonly target: string; readonly baseSha: CommitSha };

/** Asks for a refinement and grants it on the state branch, as `whetstone authorize` does; the token. */
export async function permitRefinement(
  github: GitHub,
  folder: string,
  { person, target, baseSha }: Permitted,
): Promise<string> {
  const state = openRestState({ owner: OWNER, repo: REPO, octokit: github.client(), now: systemClock.now });
  const roles = configuredRoles({}, { unconfigured: "admin" });
  const desk = { state, clock: systemClock, roles, rules: async () => ({ twoPerson: false, expiryMinutes: 30 }) };
  const by = { type: "person", id: person } as const;
  const { id } = await requestAuthorization(desk, {
    id: newId("a", systemClock),
    operation: operationOf("session.refine"),
    target,
    subject: baseSubject(target, baseSha),
    impact: { summary: "One session.", affects: ["a scratch worktree"], rollback: null },
    requestedBy: by,
    author: null,
    random: systemRandom,
  });
  const keys = openSigningKeys(join(folder, "keys"));
  const key = await ensureKey({ state, clock: systemClock, folder: keys, owner: by, random: systemRandom });
  return (await grantAuthorization(desk, { id, by, key })).token;
}
