import { z } from "zod";

/** The used part of an `issue_comment.created` delivery. */
export const CommentDelivery = z.object({
  comment: z.object({
    id: z.number().int(),
    body: z.string(),
    /** Null for the comment of an account that is gone. */
    user: z.object({ id: z.number().int(), login: z.string().min(1), type: z.string() }).nullable(),
    /** The App through which it was written, also where a person's account wrote it. */
    performed_via_github_app: z.object({ id: z.number().int() }).nullish(),
    /** When it was written. */
    created_at: z.iso.datetime({ offset: true }).optional(),
  }),
  issue: z.object({ number: z.number().int(), pull_request: z.object({}).nullish() }),
  repository: z.object({ name: z.string().min(1), owner: z.object({ login: z.string().min(1) }) }),
});
export type CommentDelivery = z.infer<typeof CommentDelivery>;
