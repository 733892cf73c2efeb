import {
  type ClaimedWork,
  type DeadLetter,
  type Ending,
  LONGEST_RETRY_MS,
  longestLeaseMs,
  MOST_OF_A_PLACE,
  type Work,
  type WorkQueue,
} from "./port.ts";

type Row = Work & {
  seq: number;
  state: "waiting" | "running" | "done" | "dead";
  key: string;
  payload: string;
  dueAt: number;
  attempt: number;
  claim?: string | undefined;
  error?: string | undefined;
  endedAt: number;
};

type Rows = { readonly byId: Map<string, Row>; next: number; claims: number };

/** A {@link WorkQueue} that lives as long as the process: for tests, and the measure of the other adapters. */
export function memoryQueue(): WorkQueue {
  const rows: Rows = { byId: new Map(), next: 1, claims: 0 };
  return { ...taking(rows), ...looking(rows), ...clearing(rows), [Symbol.asyncDispose]: async () => undefined };
}

function taking(rows: Rows): Pick<WorkQueue, "add" | "claim" | "extend" | "end"> {
  const held = (claim: string): Row | undefined =>
    rows.byId.values().find((row) => row.state === "running" && row.claim === claim);
  return {
    add: async (work, how) => {
      if (rows.byId.has(work.id)) return "known";
      const isSame = ({ digest }: Row): boolean => digest !== undefined && digest === work.digest;
      if (how?.mayRepeat !== true && rows.byId.values().some(isSame)) return "repeated";
      const row: Row = { ...work, seq: rows.next, state: "waiting", dueAt: work.notBefore, attempt: 0, endedAt: 0 };
      rows.byId.set(work.id, row);
      rows.next += 1;
      return "added";
    },
    claim: async (now, leaseMs) => {
      const row = heads(rows, now, leaseMs).find((head) => dueAt(head, now, leaseMs) <= now);
      if (row === undefined) return undefined;
      rows.claims += 1;
      const claim = `claim-${rows.claims}`;
      Object.assign(row, { state: "running", claim, attempt: row.attempt + 1, dueAt: now + leaseMs });
      return claimedWork(row, claim);
    },
    extend: async (claim, until) => {
      const row = held(claim);
      if (row !== undefined) row.dueAt = until;
      return row !== undefined;
    },
    end: async (claim, ending, now) => {
      const row = held(claim);
      if (row !== undefined) Object.assign(row, { claim: undefined }, ended(ending, now));
      return row !== undefined;
    },
  };
}

function ended(ending: Ending, now: number): Partial<Row> {
  switch (ending.kind) {
    case "done":
      return { state: "done", payload: "", endedAt: now, error: undefined };
    case "again": {
      const payload = ending.payload === undefined ? {} : { payload: ending.payload };
      return { state: "waiting", dueAt: ending.at, attempt: 0, error: undefined, ...payload };
    }
    case "failed":
      return { state: "waiting", dueAt: ending.retryAt, error: ending.error };
    case "dead":
      return { state: "dead", endedAt: now, error: ending.error };
  }
}

/** When it may be begun; what a wrong clock put too far into the future is due now. */
function dueAt(row: Row, now: number, leaseMs: number): number {
  const isRetry = row.state === "waiting" && row.error !== undefined;
  const latest = row.state === "running" ? now + longestLeaseMs(leaseMs) : now + 2 * LONGEST_RETRY_MS;
  return (row.state === "running" || isRetry) && row.dueAt > latest ? now : row.dueAt;
}

const isOpen = ({ state }: Row): boolean => state === "waiting" || state === "running";

const placeOf = ({ key }: Row): string => key.replace(/[#@!:].*$/s, "");

/** Of each key the oldest that has not ended, in the order of arrival; of a repository with enough under way only what is held. */
function heads(rows: Rows, now: number, leaseMs: number): readonly Row[] {
  const open = [...rows.byId.values()].filter(isOpen).toSorted((one, other) => one.seq - other.seq);
  const all = [...Map.groupBy(open, ({ key }) => key).values()].flatMap((same) => same.slice(0, 1));
  const held = open.filter(
    ({ state, dueAt: until }) => state === "running" && until > now && until <= now + longestLeaseMs(leaseMs),
  );
  const perPlace = Map.groupBy(held, placeOf);
  return all.filter((row) => row.state === "running" || (perPlace.get(placeOf(row))?.length ?? 0) < MOST_OF_A_PLACE);
}

function looking(rows: Rows): Pick<WorkQueue, "nextDue" | "counts" | "deadLetters" | "known"> {
  const all = (state: Row["state"]): Row[] =>
    rows.byId
      .values()
      .filter((row) => row.state === state)
      .toArray();
  return {
    nextDue: async (now, leaseMs) => {
      const dues = heads(rows, now, leaseMs).map((row) => dueAt(row, now, leaseMs));
      return dues.length === 0 ? undefined : Math.min(...dues);
    },
    counts: async (now) => {
      const since = all("waiting")
        .filter((row) => row.dueAt <= now)
        .map((row) => Math.max(row.dueAt, row.receivedAt));
      const counts = { waiting: all("waiting").length, running: all("running").length, dead: all("dead").length };
      return since.length === 0 ? counts : { ...counts, dueSince: Math.min(...since) };
    },
    deadLetters: async (limit) =>
      all("dead")
        .toSorted((one, other) => other.seq - one.seq)
        .slice(0, limit)
        .map(deadLetter),
    known: async (ids) => new Set(ids.filter((id) => rows.byId.has(id))),
  };
}

function clearing(rows: Rows): Pick<WorkQueue, "revive" | "drop" | "forget"> {
  return {
    revive: async (id, now) => {
      const row = rows.byId.get(id);
      if (row?.state !== "dead") return false;
      // At the end of its key: work that came after it may be running.
      Object.assign(row, { state: "waiting", dueAt: now, attempt: 0, error: undefined, seq: rows.next });
      rows.next += 1;
      return true;
    },
    drop: async (place, now) => {
      const gone = rows.byId
        .values()
        .filter((row) => isOf(row.key, place))
        .toArray();
      for (const row of gone) {
        Object.assign(row, { state: "done", key: "", payload: "", claim: undefined, error: undefined });
        row.endedAt ||= now;
      }
      return gone.length;
    },
    forget: async (before) => {
      const old = rows.byId
        .values()
        .filter((row) => !isOpen(row) && row.endedAt < before)
        .toArray();
      for (const { id } of old) rows.byId.delete(id);
      return old.length;
    },
  };
}

function isOf(key: string, place: string): boolean {
  return key === place || (key.startsWith(place) && /^[#@!:/]/.test(key.slice(place.length)));
}

function workOf({ id, event, key, payload, receivedAt, dueAt: notBefore }: Row): Work {
  return { id, event, key, payload, receivedAt, notBefore };
}

function claimedWork(row: Row, claim: string): ClaimedWork {
  return { ...workOf(row), attempt: row.attempt, claim };
}

function deadLetter(row: Row): DeadLetter {
  return { ...workOf(row), attempts: row.attempt, error: row.error ?? "", diedAt: row.endedAt };
}
