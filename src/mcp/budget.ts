import { Buffer } from "node:buffer";
import { z } from "zod";

/** Bytes of UTF-8 that a token stands for, about. JSON with many numbers and ids has fewer: see {@link MOST_TOKENS}. */
const BYTES_PER_TOKEN = 4;

/** Budget of an answer that nobody asked otherwise for. */
export const DEFAULT_TOKENS = 4_000;
/** Below this the head of an answer would not fit. */
export const LEAST_TOKENS = 1_000;
/**
 * Greatest budget: 48,000 bytes, which stay below 50,000 characters and, at the two bytes per token of the densest
 * text, below 25,000 tokens: what a client takes in one result.
 */
export const MOST_TOKENS = 12_000;

/** Tokens of a text, estimated from its bytes. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** The argument by which a caller sets the budget of an answer. */
export const MaxTokens = z
  .int()
  .min(LEAST_TOKENS)
  .max(MOST_TOKENS)
  .default(DEFAULT_TOKENS)
  .describe(`Budget of the answer, about 4 bytes per token; ${LEAST_TOKENS} to ${MOST_TOKENS}.`);

/** What every answer says about its own completeness. */
export const Envelope = {
  total: z.int().nonnegative().nullable().describe("Matching items in all; null: counting them would take too long."),
  returned: z.int().nonnegative().describe("Items in this answer."),
  truncated: z.boolean().describe("Whether items are left out."),
  nextCursor: z.string().optional().describe("Pass as cursor to get what follows."),
  omitted: z
    .strictObject({
      items: z.int().positive().nullable().describe("Items left out; null where the total is unknown."),
      tokens: z.int().nonnegative().nullable().describe("What they would cost, estimated; null where unknown."),
      how: z.string().describe("How to get them."),
    })
    .optional(),
  tokens: z.int().positive().describe("Size of this answer, estimated."),
  hint: z.string().optional().describe("What to do next, from Whetstone itself."),
} as const;
export type Envelope = z.infer<z.ZodObject<typeof Envelope>>;

/** A list of an answer: items are made only when there is room for them. */
export type Section<Item> = {
  readonly count: number;
  readonly at: (index: number) => Item;
  /** Indexes by importance, most important first; the order of the list when absent. */
  readonly byImportance?: readonly number[];
  /** Items that exist, where it differs from `count`; null where unknown. */
  readonly total?: number | null;
};

/** A section over a list that is there already. */
export function sectionOf<Source, Item>(
  list: readonly Source[],
  render: (source: Source, index: number) => Item,
  more: Pick<Section<Item>, "byImportance" | "total"> = {},
): Section<Item> {
  return { count: list.length, at: (index) => render(list[index] as Source, index), ...more };
}

/** An answer before it is cut to its budget. */
export type Draft<Facts extends object, Lists extends Readonly<Record<string, Section<unknown>>>> = {
  readonly maxTokens: number;
  /** Always in the answer; small by construction. */
  readonly facts: Facts;
  readonly lists: Lists;
  /** Cursor of what follows the first `returned` items, by importance; undefined when nothing does. */
  readonly cursor?: (returned: number) => string | undefined;
  /** Items before this page, where a cursor was followed; null where they were not counted. */
  readonly before?: number | null;
  readonly hint?: string | undefined;
  /** Whether there is more than the lists have, nobody knows how much. */
  readonly isCut?: boolean;
  /** How to get what was left out, where a cursor does not. */
  readonly how?: string;
};

type ItemsOf<Lists> = { [Name in keyof Lists]: Lists[Name] extends Section<infer Item> ? Item[] : never };

/** Bytes kept for the part of the envelope that is known only at the end. */
const ENVELOPE_BYTES = 640;

/**
 * The answer that fits: facts always, then items by importance, the lists taking turns, until the budget is spent. At
 * least one item is in it, so that paging always gets on. What was left out is said.
 */
export function compose<Facts extends object, Lists extends Readonly<Record<string, Section<unknown>>>>(
  draft: Draft<Facts, Lists>,
): Facts & ItemsOf<Lists> & Envelope {
  const { facts, lists, hint } = draft;
  const head = Buffer.byteLength(JSON.stringify({ ...facts, ...emptyOf(lists), hint })) + ENVELOPE_BYTES;
  const filled = fill(Object.entries(lists), draft.maxTokens * BYTES_PER_TOKEN - head);
  const items = Object.fromEntries(filled.map(({ name, taken }) => [name, inOrder(taken)])) as ItemsOf<Lists>;
  const answer = { ...facts, ...items, ...envelopeOf(draft, filled), ...(hint !== undefined && { hint }) };
  return { ...answer, tokens: tokensOf(JSON.stringify(answer)) + 4 };
}

/** Bytes that a single large item may take, so that at least one fits beside small facts. */
export function bytesPerItem(maxTokens: number): number {
  return maxTokens * BYTES_PER_TOKEN - 2 * ENVELOPE_BYTES;
}

/** The lists without items: what their names take. */
const emptyOf = (lists: object): object => Object.fromEntries(Object.keys(lists).map((name) => [name, []]));

type Filled = {
  readonly name: string;
  readonly section: Section<unknown>;
  readonly taken: { readonly index: number; readonly item: unknown }[];
  bytes: number;
  full: boolean;
};

function fill(lists: readonly (readonly [string, Section<unknown>])[], room: number): readonly Filled[] {
  const filled: Filled[] = lists.map(([name, section]) => ({ name, section, taken: [], bytes: 0, full: false }));
  let [left, isEmpty] = [room, true];
  for (let open = [...filled]; open.length > 0; open = open.filter(({ full }) => !full)) {
    for (const list of open) {
      const next = list.taken.length;
      const index = list.section.byImportance?.[next] ?? next;
      if (next >= list.section.count) list.full = true;
      else {
        const item = list.section.at(index);
        const bytes = Buffer.byteLength(JSON.stringify(item)) + 1;
        list.full = bytes > left && !isEmpty;
        if (list.full) continue;
        list.taken.push({ index, item });
        list.bytes += bytes;
        left -= bytes;
        isEmpty = false;
      }
    }
  }
  return filled;
}

const inOrder = (taken: Filled["taken"]): unknown[] =>
  taken.toSorted((a, b) => a.index - b.index).map(({ item }) => item);

function envelopeOf(
  {
    cursor,
    before = 0,
    how,
    isCut = false,
  }: Pick<Draft<object, Readonly<Record<string, Section<unknown>>>>, "cursor" | "before" | "how" | "isCut">,
  filled: readonly Filled[],
): Pick<Envelope, "total" | "returned" | "truncated" | "nextCursor" | "omitted"> {
  const returned = sum(filled.map(({ taken }) => taken.length));
  const totals = filled.map(({ section }) =>
    section.total === undefined ? section.count + (before ?? 0) : section.total,
  );
  const total = isCut || totals.includes(null) ? null : sum(totals.map((count) => count ?? 0));
  const nextCursor = cursor?.(returned);
  const left = total === null || before === null ? null : Math.max(0, total - before - returned);
  const truncated = isCut || nextCursor !== undefined || (left ?? 0) > 0;
  if (!truncated) return { total, returned, truncated };
  const bytes = returned === 0 ? 0 : sum(filled.map((list) => list.bytes)) / returned;
  const tokens = left === null ? null : Math.ceil((left * bytes) / BYTES_PER_TOKEN);
  const more = nextCursor === undefined ? (how ?? `Ask with max_tokens up to ${MOST_TOKENS}.`) : "Follow nextCursor.";
  const omitted = left === 0 ? {} : { omitted: { items: left, tokens, how: more } };
  return { total, returned, truncated, ...(nextCursor !== undefined && { nextCursor }), ...omitted };
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
