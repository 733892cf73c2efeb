import { WhetstoneError } from "../model/error.ts";
import { type Actor, LedgerEntry, type LedgerRecord } from "../model/ledger.ts";
import { ReasonCodeSchema } from "../model/verdict.ts";

/** Which records are asked for: those that fit everything that is given. */
export type LedgerFilter = {
  /** An id, or with its kind: `ada`, `person:ada`, `bot:`. */
  readonly actor?: string | undefined;
  readonly operation?: string | undefined;
  readonly target?: string | undefined;
  /** From this time on, µs since the Unix epoch. */
  readonly sinceMicros?: number | undefined;
  /** Before this time, µs since the Unix epoch. */
  readonly untilMicros?: number | undefined;
  readonly reason?: string | undefined;
  readonly decision?: string | undefined;
};

/** An actor of a filter; null: any. */
export type ActorFilter = { readonly type: Actor["type"] | null; readonly id: string | null };

const KIND = /^(person|bot|workflow):([^]*)$/;

/** Reads {@link LedgerFilter} `actor`. */
export function actorFilter(text: string): ActorFilter {
  const [, type, id] = KIND.exec(text) ?? [];
  if (type === undefined) return { type: null, id: text };
  return { type: type as Actor["type"], id: id === undefined || id === "" ? null : id };
}

/** µs since the Unix epoch of a record's time. */
export function microsOf({ time }: Pick<LedgerRecord, "time">): number {
  return Date.parse(`${time.slice(0, 23)}Z`) * 1_000 + Number(time.slice(23, 26));
}

/** Whether a record fits: what the index is held against, and how records are chosen while they stream. */
export function fits(record: LedgerRecord, filter: LedgerFilter): boolean {
  const actor = filter.actor === undefined ? { type: null, id: null } : actorFilter(filter.actor);
  const micros = microsOf(record);
  return (
    (actor.type === null || actor.type === record.actor.type) &&
    (actor.id === null || actor.id === record.actor.id) &&
    (filter.operation ?? record.operation) === record.operation &&
    (filter.target ?? record.target) === record.target &&
    (filter.reason ?? record.reasonCode) === record.reasonCode &&
    (filter.decision ?? record.decision) === record.decision &&
    micros >= (filter.sinceMicros ?? micros) &&
    micros < (filter.untilMicros ?? Number.POSITIVE_INFINITY)
  );
}

/**
 * Refuses what no record can have, so that a misspelt word is not answered with "none".
 * @throws WhetstoneError `usage`
 */
export function checkFilter({ reason, decision }: LedgerFilter): void {
  const decisions = LedgerEntry.shape.decision.options;
  if (decision !== undefined && !decisions.some((one) => one === decision)) {
    throw new WhetstoneError("usage", `"${decision}" is no decision.`, {
      remedy: `It is one of ${decisions.join(", ")}.`,
    });
  }
  if (reason !== undefined && !ReasonCodeSchema.safeParse(reason).success) {
    throw new WhetstoneError("usage", `"${reason}" is no reason code.`, {
      remedy: "`whetstone audit show` prints the codes of the records; src/model/codes.ts lists all.",
    });
  }
}
