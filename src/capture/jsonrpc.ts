import { elements, memberValue, skipSpace } from "./json-scan.ts";

/** Any JSON object as it came over the wire. */
export type JsonObject = { readonly [key: string]: unknown };

/** One JSON-RPC 2.0 message. `id` is the id's JSON text, so `1` and `"1"` stay apart and no digit is lost. */
export type RpcMessage =
  | { readonly kind: "request"; readonly id: string; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  | { readonly kind: "result"; readonly id: string; readonly result: unknown }
  | { readonly kind: "error"; readonly id: string; readonly code: number | undefined; readonly message: string };

/** A message and the position of its `{` in the line. */
export type Located = { readonly message: RpcMessage; readonly start: number };

/** Whether a JSON value is an object (neither null nor an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The messages of one line: one, those of a batch (allowed by MCP 2025-03-26), or none when the line is no JSON-RPC.
 * Never throws.
 */
export function readMessages(text: string): readonly Located[] {
  const value = parseJson(text);
  if (isObject(value)) return locate(text, value, skipSpace(text, 0));
  if (!Array.isArray(value)) return [];
  const places = [...elements(text, skipSpace(text, 0))];
  return value.flatMap((item: unknown, index) => {
    const place = places[index];
    return isObject(item) && place !== undefined ? locate(text, item, place.start) : [];
  });
}

/** The id as people and attributes write it: a string's characters, a number's text. */
export function idText(id: string): string {
  return id.startsWith('"') ? String(JSON.parse(id)) : id;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Servers print text that is no JSON to stdout; such lines pass and are no messages.
    return undefined;
  }
}

function locate(text: string, value: JsonObject, start: number): readonly Located[] {
  const message = classify(value, () => rawId(text, value, start));
  return message === undefined ? [] : [{ message, start }];
}

/**
 * What kind of message a parsed object is; undefined when it is no JSON-RPC.
 * @param id gives the id's JSON text, undefined when there is none
 */
export function classify(value: JsonObject, id: () => string | undefined): RpcMessage | undefined {
  const { method, params, error } = value;
  const key = id();
  if (typeof method === "string") {
    const object = isObject(params) ? params : {};
    return key === undefined
      ? { kind: "notification", method, params: object }
      : { kind: "request", id: key, method, params: object };
  }
  if (key === undefined) return undefined;
  if (isObject(error)) {
    const code = typeof error["code"] === "number" ? error["code"] : undefined;
    return { kind: "error", id: key, code, message: typeof error["message"] === "string" ? error["message"] : "" };
  }
  return "result" in value ? { kind: "result", id: key, result: value["result"] } : undefined;
}

function rawId(text: string, value: JsonObject, start: number): string | undefined {
  const { id } = value;
  if (typeof id === "string" || (typeof id === "number" && Number.isSafeInteger(id))) return JSON.stringify(id);
  if (typeof id !== "number") return undefined;
  const place = memberValue(text, start, "id");
  return place === undefined ? undefined : text.slice(place.start, place.end);
}
