import { z } from "zod";

const amount = (usd: number, tokens: number) =>
  z
    .strictObject({
      usd: z.number().nonnegative().default(usd).describe("US dollars, as Claude Code counts them."),
      tokens: z.int().nonnegative().default(tokens).describe("Tokens in and out together, cached ones included."),
    })
    .prefault({});

/** What sessions may cost. Zero forbids them. */
export const BudgetSettings = z.strictObject({
  session: amount(2, 3_000_000).describe("Most that one session may spend; it is reserved before the session starts."),
  day: amount(10, 15_000_000).describe("Most that all sessions of a day (UTC) may spend together."),
  target: amount(5, 8_000_000).describe("Most that the sessions of a day on one target may spend."),
  expiryMinutes: z
    .number()
    .positive()
    .max(1_440)
    .default(120)
    .describe("After this time a reservation of a run that never came back is free again; longer than any session."),
});
export type BudgetSettings = z.infer<typeof BudgetSettings>;
