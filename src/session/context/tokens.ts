/** Bytes of UTF-8 that are counted as one token. */
export const BYTES_PER_TOKEN = 2;

/**
 * Tokens of a text, estimated: its bytes in UTF-8 divided by two, rounded up. Deliberately high: tokenizers of current
 * models take three to four bytes of English or code to a token, and two to three of numbers and dense JSON.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text, "utf8") / BYTES_PER_TOKEN);
}
