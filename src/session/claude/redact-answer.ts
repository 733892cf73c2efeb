import { textRedactor } from "../../protect/redact-text.ts";

const redact = textRedactor();

/** A value with every text in it redacted: what a model says may repeat a secret that it has read. */
export function redactAnswer<Value>(value: Value): Value {
  return walk(value) as Value;
}

function walk(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each)]));
}
