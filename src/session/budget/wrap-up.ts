import { z } from "zod";
import type { Amount } from "../../model/budget.ts";

/** From this share of its budget on a session is told to come to an end. */
export const WRAP_UP_SHARE = 0.8;

/** What it is told, with every request from then on. */
export const WRAP_UP_NOTE =
  "Message from Whetstone, which runs this session: 80 % of the session's budget is spent. Come to an end now. Begin " +
  "nothing new; give your answer in the required form with what you have, and say in it what is left to do.";

/** How far a budget is spent: the greater of its shares of money and of tokens; a limit of zero is spent. */
export function shareSpent(spent: Amount, budget: Amount): number {
  const share = (unit: keyof Amount): number => (budget[unit] > 0 ? spent[unit] / budget[unit] : 1);
  return Math.max(share("usd"), share("tokens"));
}

const Body = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(z.unknown())]) })).min(1),
});

/**
 * A request for a message with the note at the end of what the model is told; the very bytes when it is of no form that
 * is known.
 */
export function withWrapUp(body: Buffer): Buffer {
  const request = parse(body);
  if (request === undefined) return body;
  const note = { type: "text", text: WRAP_UP_NOTE };
  const messages = [...request.messages];
  const last = messages.at(-1);
  if (last?.role === "user") {
    const content = typeof last.content === "string" ? [{ type: "text", text: last.content }] : last.content;
    messages[messages.length - 1] = { ...last, content: [...content, note] };
  } else {
    messages.push({ role: "user", content: [note] });
  }
  return Buffer.from(JSON.stringify({ ...request, messages }));
}

function parse(body: Buffer): z.infer<typeof Body> | undefined {
  try {
    return Body.safeParse(JSON.parse(body.toString("utf8"))).data;
  } catch {
    return undefined; // passed on as it is: the API says what is wrong with it
  }
}
