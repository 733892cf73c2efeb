/**
 * A piece of work of the App: a delivery of GitHub, or a task that a handler left for later. Work of one key is done one
 * after the other, in the order of arrival.
 */
export type Work = {
  /** `X-GitHub-Delivery` of a delivery; what a task is about, such as `gate:octo-org/notes:4711:production`. Known ids are not taken again. */
  readonly id: string;
  /** GitHub's name of the event, such as `issue_comment`; `task.NAME` for a task. */
  readonly event: string;
  /** Work with the same key waits for each other: `owner/repo#NUMBER` or longer, in lower case. */
  readonly key: string;
  /** JSON text as it was delivered. */
  readonly payload: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  /** Epoch milliseconds before which it is not begun. */
  readonly notBefore: number;
  /** Digest of what was delivered, whatever its id; tasks have none. Kept for as long as the id. */
  readonly digest?: string;
};

/** Work that one worker holds until `leaseUntil`; whoever comes later may take it over. */
export type ClaimedWork = Work & {
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Names this claim; only its holder can end the work. */
  readonly claim: string;
};

/** No retry is put off for longer, ms; a queue takes what is later for the mark of a wrong clock. */
export const LONGEST_RETRY_MS = 60 * 60 * 1000;

/** A lease that ends later than so long from now, ms, was taken by a wrong clock; servers of other versions take other leases. */
export const longestLeaseMs = (leaseMs: number): number => Math.max(2 * leaseMs, 60_000);

/**
 * Works of one repository that are under way at the same time, by all workers together: whoever writes hundreds of comments in
 * one, each of which waits for GitHub, must not keep a stop in another one waiting.
 */
export const MOST_OF_A_PLACE = 8;

/** How an attempt ended. `again` is no failure, and attempts are counted anew: the work goes on at that time, with another payload where one is given. */
export type Ending =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly at: number; readonly payload?: string }
  | { readonly kind: "failed"; readonly error: string; readonly retryAt: number }
  | { readonly kind: "dead"; readonly error: string };

export type WorkCounts = {
  readonly waiting: number;
  readonly running: number;
  readonly dead: number;
  /** Epoch milliseconds since when the oldest waiting work could have been begun; absent when none is due. */
  readonly dueSince?: number;
};

/** Work that was given up, for people. */
export type DeadLetter = Work & { readonly attempts: number; readonly error: string; readonly diedAt: number };

/** How work is added. */
export type Adding = {
  /** The same digest under another id is other work: whoever adds it knows that it was sent twice. */
  readonly mayRepeat: boolean;
};

/** What became of work that was to be added. */
export type Added = "added" | "known" | "repeated";

/**
 * The durable queue of the App. Adapters: memory, SQLite, PostgreSQL, under one contract suite. What `add` has answered
 * for survives the end of the process. Errors: `store_failed` and its kin.
 */
export type WorkQueue = AsyncDisposable & {
  /**
   * `known`: this id was taken before, whatever became of it. `repeated`: the digest was, under another id, unless it
   * `mayRepeat`. Nothing changes then.
   */
  readonly add: (work: Work, how?: Adding) => Promise<Added>;
  /**
   * Takes the oldest work that is due, whose key no other work before it is waiting or running for, and of whose
   * repository fewer than {@link MOST_OF_A_PLACE} are held, and holds it for `leaseMs`. An attempt whose lease ran out counts, and the work is due again; so is what a clock that was wrong put
   * too far into the future: a lease of more than {@link longestLeaseMs}, a retry in more than {@link LONGEST_RETRY_MS}.
   */
  readonly claim: (now: number, leaseMs: number) => Promise<ClaimedWork | undefined>;
  /** Holds a claim for longer; false when it was lost. */
  readonly extend: (claim: string, until: number) => Promise<boolean>;
  /** Ends an attempt; false when the claim was lost in the meantime, and nothing changes. */
  readonly end: (claim: string, ending: Ending, now: number) => Promise<boolean>;
  /** Epoch milliseconds at which the next work is due; undefined for none. */
  readonly nextDue: (now: number, leaseMs: number) => Promise<number | undefined>;
  readonly counts: (now: number) => Promise<WorkCounts>;
  readonly deadLetters: (limit: number) => Promise<readonly DeadLetter[]>;
  /** Lets a dead letter be tried again; false when there is none of this id. */
  readonly revive: (id: string, now: number) => Promise<boolean>;
  /** Which of these ids were taken before. */
  readonly known: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /**
   * Ends all work of a repository, dead or alive, without doing it, and forgets its payloads and keys; the ids stay
   * known. Returns how many. `place` is `owner/repo`, in lower case as in the keys, or `owner` for all of that account.
   */
  readonly drop: (place: string, now: number) => Promise<number>;
  /** Forgets what ended before `before` (epoch ms); returns how many. */
  readonly forget: (before: number) => Promise<number>;
};
