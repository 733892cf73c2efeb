import { z } from "zod";

/** The used part of an `issue_comment.created` delivery. */
export const CommentDelivery = z.object({
  comment: z.object({
    id: z.number().int(),
    body: z.string(),
    /** Null for the comment of an account that is gone. */
    user: z.object({ login: z.string().min(1), type: z.string() }).nullable(),
  }),
  issue: z.object({ number: z.number().int() }),
  repository: z.object({ name: z.string().min(1), owner: z.object({ login: z.string().min(1) }) }),
});
export type CommentDelivery = z.infer<typeof CommentDelivery>;
