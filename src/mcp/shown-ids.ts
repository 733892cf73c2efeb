/** Digits of a trace id that answers show. */
const SHOWN = 12;
/** Ids that are remembered; the oldest are forgotten first. */
const MOST = 50_000;

/** Short forms of trace ids that a server has shown, so that it knows them again as arguments. */
export type ShownIds = {
  /** The beginning of an id that this server can tell from all it has shown: 12 digits, the whole id where they clash. */
  readonly shorten: (traceId: string) => string;
  /** The id that was shown as exactly this beginning. */
  readonly known: (start: string) => string | undefined;
};

/** An empty {@link ShownIds}. */
export function shownIds(most = MOST): ShownIds {
  const byStart = new Map<string, string>();
  return {
    shorten: (traceId) => {
      const start = traceId.slice(0, SHOWN);
      const other = byStart.get(start);
      if (other !== undefined && other !== traceId) return traceId;
      byStart.delete(start);
      byStart.set(start, traceId);
      const [oldest] = byStart.keys();
      if (byStart.size > most && oldest !== undefined) byStart.delete(oldest);
      return start;
    },
    known: (start) => byStart.get(start),
  };
}
