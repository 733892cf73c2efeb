/** A number with its noun: `1 outcome`, `2 outcomes`. `plural` where it is not the noun with an `s`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
