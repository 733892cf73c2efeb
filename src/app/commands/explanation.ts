import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { canonicalJson, Instant } from "../../model/json.ts";
import { Actor } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import type { CommandContext } from "../command.ts";

/** `app/explanations/<pull>.json` on the state branch: why people decide about a proposal as they do, in their words. */
export const Explanation = z.strictObject({
  schema: z.literal("whetstone.explanation/1"),
  pull: z.int().positive(),
  by: Actor,
  at: Instant,
  /** A person's words; whoever shows them sanitises them. */
  text: z.string().min(1).max(500),
});
export type Explanation = z.infer<typeof Explanation>;

const pathOf = (pull: number): string => `app/explanations/${pull}.json`;

/** The file of a record and its text, for a change of the state. */
export function explanationFile(record: Explanation): readonly [path: string, text: string] {
  return [pathOf(record.pull), `${canonicalJson(Explanation.parse(record))}\n`];
}

/** What people said last about a pull request by `/whetstone explain WHY`; undefined for nothing that can be read. */
export async function explanationOf(view: StateView, pull: number): Promise<Explanation | undefined> {
  const text = await view.read(pathOf(pull));
  if (text === undefined) return undefined;
  try {
    return Explanation.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // what cannot be read teaches nothing
  }
}

/** Keeps what somebody says about a pull request; the last word counts. */
export async function keepExplanation({ repository, clock, by, place }: CommandContext, text: string): Promise<void> {
  const pull = place.conversation;
  await repository.state.update(`explanation of pull request ${pull}`, async (view) => {
    const before = await explanationOf(view, pull);
    const at = formatInstant(clock.now());
    const isSame = before?.text === text && before.by.id === by.id;
    const record: Explanation = { schema: "whetstone.explanation/1", pull, by, at, text };
    const change = new Map(isSame ? [] : [explanationFile(record)]);
    return { change, value: undefined };
  });
}
