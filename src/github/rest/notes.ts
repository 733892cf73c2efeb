import { z } from "zod";
import type { Notes, Written } from "../host-port.ts";
import { callGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { fitBody, markerOf } from "./body.ts";
import { restComments } from "./comments.ts";
import { createOnce } from "./create-once.ts";

const ISSUES = "/repos/{owner}/{repo}/issues";
const Author = z.object({ login: z.string() }).nullable();
const Issue = z.object({
  number: z.number(),
  title: z.string(),
  body: z.string().nullish(),
  user: Author,
  pull_request: z.object({}).nullish(),
});

/**
 * Comments and issues of one purpose each. They are known by a hidden first line and by their author: a marker that
 * somebody else wrote is not followed. `self` is the name of the account that the token belongs to.
 */
export function restNotes({ client, owner, repo }: RestRepository, self: string): Notes {
  const where = { owner, repo };
  const ours =
    (purpose: string) => (one: { readonly body?: string | null | undefined; readonly user: z.output<typeof Author> }) =>
      one.user?.login === self && (one.body ?? "").startsWith(markerOf(purpose));
  const findIssue = async (purpose: string) => {
    const parameters = { ...where, state: "open", creator: self, sort: "created", direction: "asc" };
    const issues = await listOnGitHub(client, { route: `GET ${ISSUES}`, parameters, answer: Issue });
    return issues.find((issue) => (issue.pull_request ?? undefined) === undefined && ours(purpose)(issue));
  };
  const patchIssue = async (number: number, change: Record<string, unknown>): Promise<void> => {
    const parameters = { ...where, issue_number: number, ...change };
    await callGitHub(client, { route: `PATCH ${ISSUES}/{issue_number}`, parameters, answer: z.object({}) });
  };
  return {
    ...restComments({ client, owner, repo }, self),
    issue: async ({ purpose, title, body, labels }) => {
      const text = fitBody(`${markerOf(purpose)}\n${body}`);
      const parameters = { ...where, title, body: text, labels };
      const { value, made } = await createOnce({
        find: () => findIssue(purpose),
        create: () => callGitHub(client, { route: `POST ${ISSUES}`, parameters, answer: Issue }),
      });
      if (made || (value.body === text && value.title === title)) return written(value.number, made);
      await patchIssue(value.number, { title, body: text });
      return { id: value.number, action: "updated" };
    },
    standing: async (purpose) => {
      const found = await findIssue(purpose);
      return found && { number: found.number, body: (found.body ?? "").slice(markerOf(purpose).length + 1) };
    },
    closeIssue: async (purpose) => {
      const standing = await findIssue(purpose);
      if (standing !== undefined) await patchIssue(standing.number, { state: "closed", state_reason: "completed" });
      return standing !== undefined;
    },
  };
}

function written(id: number, made: boolean): Written {
  return { id, action: made ? "created" : "kept" };
}
