import { z } from "zod";
import { WhetstoneError } from "../model/error.ts";

/** Which part of a list is wanted. */
export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };

/** A part of a list, with how much there is in all. */
export type ListPage<Item> = {
  readonly items: readonly Item[];
  readonly total: number;
  readonly returned: number;
  readonly nextCursor?: string;
};

/** What puts the items of a list in order, most important part first. */
type Key<Item> = (item: Item) => readonly string[];

const KeyText = z.array(z.string()).min(1).max(5);

/**
 * A page of a list that is sorted by `key` (code units, part by part). The cursor is the key of the last item, so that
 * items that come and go between two pages shift nothing.
 * @throws WhetstoneError `usage`: the cursor is not one that a page returned.
 */
export function pageOf<Item>(list: readonly Item[], key: Key<Item>, { limit, cursor }: PageRequest): ListPage<Item> {
  const after = cursor === undefined ? undefined : decodeKey(cursor);
  const rest = after === undefined ? list : list.filter((item) => compareKeys(key(item), after) > 0);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const more = last !== undefined && rest.length > items.length;
  return {
    items,
    total: list.length,
    returned: items.length,
    ...(more && { nextCursor: Buffer.from(JSON.stringify(key(last))).toString("base64url") }),
  };
}

/** Order of keys; also that of the lists. */
export function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return a.length - b.length;
}

function decodeKey(cursor: string): readonly string[] {
  try {
    return KeyText.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch (cause) {
    throw new WhetstoneError("usage", "The cursor is not one that this list returned.", {
      remedy: "Pass nextCursor of the page before unchanged, or leave the cursor out to start from the beginning.",
      cause,
    });
  }
}
