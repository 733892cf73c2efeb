/** Longest part that is copied to be written together with its neighbours, bytes. */
const COPY_LIMIT_BYTES = 16 * 1024;

/**
 * The same bytes in fewer parts, for a stream takes each part with some effort: neighbours that lie side by side in one
 * buffer become one view of it, without a copy (lines that pass unchanged, as cut from one chunk); of what remains,
 * small neighbours are copied together. Parts of a chunk only: the result is as long as they are.
 */
export function coalesce(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (parts.length < 2) return parts;
  const joined = joinViews(parts);
  return joined.length < 2 ? joined : copySmall(joined);
}

function joinViews(parts: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  for (const part of parts) {
    if (last !== undefined && last.buffer === part.buffer && last.byteOffset + last.length === part.byteOffset) {
      last = Buffer.from(last.buffer, last.byteOffset, last.length + part.length);
      joined[joined.length - 1] = last;
    } else {
      last = part;
      joined.push(part);
    }
  }
  return joined;
}

function copySmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const copied: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = (): void => {
    const [only] = small;
    if (only !== undefined) copied.push(small.length === 1 ? only : Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length <= COPY_LIMIT_BYTES) {
      small.push(part);
      continue;
    }
    flush();
    copied.push(part);
  }
  flush();
  return copied;
}
