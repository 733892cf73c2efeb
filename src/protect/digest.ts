import { createHash, hash } from "node:crypto";
import { canonicalJson, type Digest } from "../model/json.ts";

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256(data: string | Uint8Array): Digest {
  return hash("sha256", data, "hex");
}

/** SHA-256 of a stream's bytes, as they come. */
export async function digestOfStream(stream: AsyncIterable<Uint8Array>): Promise<Digest> {
  const running = createHash("sha256");
  for await (const chunk of stream) running.update(chunk);
  return running.digest("hex");
}

/** SHA-256 of a value's canonical JSON: equal values have equal digests, whatever the order of their keys. */
export function digestOf(value: unknown): Digest {
  return sha256(canonicalJson(value));
}
