/** A source of randomness: the only way that randomness enters a pure room. */
export type Random = {
  /** Next 32 random bits, 0 ≤ n < 2^32. */
  readonly uint32: () => number;
  /** Uniform in [0, 1), 53 bits. */
  readonly uniform: () => number;
};

// Bound once: where a module runs in a context of its own, as in the tests, each look-up of a global is dear.
const { floor, imul } = Math;

const MASK = 0xffff_ffff_ffff_ffffn;

/** SplitMix64 (Steele, Lea, Flood 2014): the successive outputs from a 64-bit state; used to spread a seed. */
export function splitMix64(state: bigint): () => bigint {
  let s = state & MASK;
  return () => {
    s = (s + 0x9e37_79b9_7f4a_7c15n) & MASK;
    let z = ((s ^ (s >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK;
    return z ^ (z >> 31n);
  };
}

/** FNV-1a, 64 bit, over the UTF-16 code units of the text. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (let i = 0; i < text.length; i++) hash = ((hash ^ BigInt(text.charCodeAt(i))) * 0x100_0000_01b3n) & MASK;
  return hash;
}

/** xoshiro128** 1.1 (Blackman & Vigna) from four words of state, not all zero. */
export function xoshiro128ss(words: readonly [number, number, number, number]): Random {
  let [a, b, c, d] = words;
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
  const uint32 = (): number => {
    const result = imul(rotate(imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  return { uint32, uniform: () => ((uint32() >>> 5) * 0x400_0000 + (uint32() >>> 6)) / 0x20_0000_0000_0000 };
}

/** A seeded generator: xoshiro128**, its state from SplitMix64 of the seed (text through FNV-1a). Same seed, same numbers. */
export function createRandom(seed: string | number): Random {
  const next = splitMix64(fnv1a64(String(seed)));
  const [first, second] = [next(), next()];
  const word = (bits: bigint): number => Number(bits & 0xffff_ffffn);
  return xoshiro128ss([word(first), word(first >> 32n), word(second), word(second >> 32n) | 1]);
}

/** A uniform integer in 0 … bound − 1, bound ≤ 2^32; the bias is below 2^-21 · bound / 2^32. */
export function randomInteger(random: Random, bound: number): number {
  return floor(random.uniform() * bound);
}

/** A standard normal number (Box & Muller 1958, the cosine branch). */
export function randomNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log1p(-random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}
