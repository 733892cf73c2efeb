import { WhetstoneError } from "../model/error.ts";
import { INT64 } from "../store/cursor.ts";
import type { SpanStore } from "../store/port.ts";
import { shownName } from "./shown.ts";

/** Names as callers give them, in the form that answers show. */
export type NamesGiven = { readonly service?: string; readonly operation?: string };

/**
 * The store's own names for names as answers show them. Unknown names pass as they are: they match nothing.
 * @throws WhetstoneError `usage` when a shown name stands for several
 */
export async function namesInStore(store: SpanStore, given: NamesGiven): Promise<NamesGiven> {
  if (given.service === undefined && given.operation === undefined) return given;
  const { operations } = await store.operations({ sinceNs: INT64.min, untilNs: INT64.max });
  const service = original(
    given.service,
    operations.map((known) => known.service),
  );
  const operation = original(
    given.operation,
    operations.map((known) => known.operation),
  );
  return { ...(service !== undefined && { service }), ...(operation !== undefined && { operation }) };
}

function original(given: string | undefined, known: readonly string[]): string | undefined {
  if (given === undefined || known.includes(given)) return given;
  const [first, second] = new Set(known.filter((name) => shownName(name) === given));
  if (second === undefined) return first ?? given;
  throw new WhetstoneError("usage", `Several names are shown as "${given}".`, {
    remedy: "Search by another filter, such as an attribute.",
  });
}
