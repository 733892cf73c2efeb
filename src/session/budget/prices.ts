/** Tokens of one request as the Messages API states them. */
export type RequestUsage = {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Written for five minutes. */
  readonly cacheWrite: number;
  /** Written for an hour. */
  readonly cacheWriteLong: number;
};

type Price = Readonly<Record<keyof RequestUsage, number>>;

/** US dollars per million tokens, after the list in Claude Code 2.1.328; caches of the others in the same proportion. */
const price = (input: number, output: number): Price => ({
  input,
  output,
  cacheRead: input * 0.05,
  cacheWrite: input * 1.25,
  cacheWriteLong: input * 2,
});

const PRICES: readonly (readonly [prefix: string, price: Price])[] = [
  ["claude-opus-5-5", price(4, 20)],
  ["claude-sonnet-5-5", price(2, 10)],
  ["claude-sonnet-4-5", price(3, 15)],
];

/** A model of which no price is known is counted like the dearest, as Claude Code does. */
const UNKNOWN = price(4, 20);

/** What a request costs, US dollars: an estimate for limits, not a bill. */
export function costOf(model: string, usage: RequestUsage): number {
  const rate = PRICES.find(([prefix]) => model.startsWith(prefix))?.[1] ?? UNKNOWN;
  const parts = Object.entries(usage) as [keyof RequestUsage, number][];
  return parts.reduce((sum, [kind, tokens]) => sum + (tokens * rate[kind]) / 1e6, 0);
}

/** All tokens of a request, cached ones included. */
export function tokensOf(usage: RequestUsage): number {
  return Object.values(usage).reduce((sum, tokens) => sum + tokens, 0);
}
