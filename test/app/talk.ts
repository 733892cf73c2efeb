import type { AppEvent } from "../../src/app/handler.ts";
import { comments, refusals } from "../../src/app/comments.ts";
import { type Counterpart, startCounterpart } from "./counterpart.ts";
import { commentPayload } from "./payloads.ts";

/** A conversation on the counterpart of GitHub in which people write comments, each delivered to the App. */
export type Talk = Counterpart & {
  /** Number of the issue. */
  readonly issue: number;
  /** Delivers a new comment; returns its reactions and the answers that stand then. */
  readonly say: (text: string, by?: Said) => Promise<Heard>;
  /** Texts of the comments that stand, oldest first. */
  readonly standing: (number?: number) => Promise<readonly string[]>;
};

export type Said = {
  readonly user?: { id: number; login: string; type: string } | null;
  readonly via?: number;
  readonly on?: number;
  readonly isPull?: boolean;
  readonly event?: Partial<AppEvent>;
  /** Id of the comment; a new one when absent. */
  readonly comment?: number;
};
export type Heard = { readonly reactions: readonly string[]; readonly answer: string };

const ADA = { id: 3, login: "ada", type: "User" };

/** Starts one with an issue; ada is admin, grace maintains, mallory reads. */
export async function startTalk(files: Readonly<Record<string, string>> = {}): Promise<Talk> {
  const place = await startCounterpart({ files: { "README.md": "# notes\n", ...files } });
  const { backend } = place.github;
  backend.people.permissions.set("ada", "admin").set("grace", "maintain").set("mallory", "read");
  const { data } = await backend.ask("POST", "issues", { title: "talk" });
  const issue = Number(Reflect.get(Object(data), "number"));
  let last = 1000;
  const standing = async (number = issue) =>
    ((await backend.ask("GET", `issues/${number}/comments`)).data as { body: string }[]).map(({ body }) => body);
  return {
    ...place,
    issue,
    standing,
    say: async (text, said = {}) => {
      const { user = ADA, via, on = issue, isPull = on !== issue, event = {} } = said;
      last += 1;
      const id = said.comment ?? last;
      const app = via === undefined ? {} : { performed_via_github_app: { id: via } };
      const payload = {
        ...commentPayload(text, { id, user, ...app }),
        issue: { number: on, ...(isPull ? { pull_request: {} } : {}) },
      };
      const before = place.tasks.length;
      await comments.handle(place.context({ id: `delivery-${id}`, name: "issue_comment.created", payload, ...event }));
      for (const { name, payload: left } of place.tasks.slice(before)) {
        if (refusals.events.includes(name)) await refusals.handle(place.context({ name, payload: left }));
      }
      const mark = `${id} `;
      const reactions = backend.people.reactions.filter((one) => one.startsWith(mark));
      const answers = await standing(on);
      return {
        reactions: reactions.map((one) => one.slice(mark.length)),
        answer: answers.find((body) => body.startsWith("<!-- whetstone:answer -->")) ?? "",
      };
    },
  };
}
