/** Bytes that no two calls repeat, and that a test can foretell. */
export function countingBytes(): (bytes: number) => Uint8Array {
  let next = 0;
  return (bytes) => Uint8Array.from({ length: bytes }, () => (next += 7) % 251);
}
