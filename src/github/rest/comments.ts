import { z } from "zod";
import type { Notes, Written } from "../host-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import { callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { fitBody, markerOf } from "./body.ts";
import { createOnce } from "./create-once.ts";

const ISSUES = "/repos/{owner}/{repo}/issues";
const Comment = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullable(),
});
type Comment = z.output<typeof Comment>;

/** Comments of one purpose each, known by a hidden first line and by their author, and reactions to comments of people. */
export function restComments(
  { client, owner, repo }: RestRepository,
  self: string,
): Pick<Notes, "comment" | "amend" | "react"> {
  const where = { owner, repo };
  const isOurs = (purpose: string) => (one: Comment) =>
    one.user?.login === self && (one.body ?? "").startsWith(markerOf(purpose));
  const amendOnce = async (number: number, { purpose, change }: Parameters<Notes["amend"]>[1]) => {
    const head = `${markerOf(purpose)}\n`;
    const at = { ...where, issue_number: number };
    const list = { route: `GET ${ISSUES}/{issue_number}/comments`, parameters: at, answer: Comment };
    const textAfter = (body?: string | null) => fitBody(`${head}${change(body?.slice(head.length))}`);
    const { value, made } = await createOnce({
      find: async () => (await listOnGitHub(client, list)).find(isOurs(purpose)),
      create: () => {
        const parameters = { ...at, body: textAfter() };
        return callGitHub(client, { route: `POST ${ISSUES}/{issue_number}/comments`, parameters, answer: Comment });
      },
    });
    const text = made ? value.body : textAfter(value.body);
    if (made || value.body === text) return { id: value.id, action: made ? "created" : "kept" } satisfies Written;
    const parameters = { ...where, comment_id: value.id, body: text };
    const patch = { route: `PATCH ${ISSUES}/comments/{comment_id}`, parameters, answer: Comment };
    const isThere = (await findOnGitHub(client, patch)) !== undefined;
    return isThere ? ({ id: value.id, action: "updated" } satisfies Written) : undefined;
  };
  const amend: Notes["amend"] = async (number, note) => {
    // Somebody may have deleted it since it was listed; then a new one is made.
    const written = (await amendOnce(number, note)) ?? (await amendOnce(number, note));
    if (written !== undefined) return written;
    throw new WhetstoneError("api_failed", `The comment in number ${number} is listed, but not there.`, {
      remedy: "Run it again: GitHub still lists a comment that was deleted.",
    });
  };
  return {
    comment: (number, { purpose, body }) => amend(number, { purpose, change: () => body }),
    amend,
    react: async (comment, content) => {
      const parameters = { ...where, comment_id: comment, content };
      const route = `POST ${ISSUES}/comments/{comment_id}/reactions`;
      await callGitHub(client, { route, parameters, answer: z.unknown() });
    },
  };
}
