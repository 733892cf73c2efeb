const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
/** Hexadecimal of the length of an id that has a digit in it: `deadbeef` may be a word. */
const HEX = /\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi;
const NUMBER = /(?<=^|[/#:= ])\d+(?=$|[/?#: ])/g;

/**
 * A span name with ids replaced by `{id}`, so that `GET /orders/17` and `GET /orders/18` are one operation: UUIDs,
 * hexadecimal of eight and more digits, and whole numbers that stand alone.
 */
export function operationTemplate(name: string): string {
  return /\d/.test(name) ? name.replace(UUID, "{id}").replace(HEX, "{id}").replace(NUMBER, "{id}") : name;
}
