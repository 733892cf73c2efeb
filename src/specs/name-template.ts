/** What in a name stands for one of many: each is written as its placeholder. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9A-Za-z])/gi, "{uuid}"],
  [/(?<![0-9A-Za-z])(?=[a-f]*[0-9])[0-9a-f]{16,}(?![0-9A-Za-z])/gi, "{hex}"],
  [/(?<=^|[\s/:=#,([])\d+(?=$|[\s/:=#,)\]?&])/g, "{id}"],
];
const LONGEST = 2_000;
const known = new Map<string, string>();
const REMEMBERED = 20_000;

/**
 * A span name with what identifies one of many replaced: UUIDs by `{uuid}`, 16 and more hexadecimal digits with at least
 * one decimal by `{hex}`, whole numbers between delimiters by `{id}`: `GET /users/123` is `GET /users/{id}`. Names of
 * more than 2,000 characters stay as they are.
 */
export function templateOf(name: string): string {
  if (name.length > LONGEST || !/[0-9]/.test(name)) return name;
  const before = known.get(name);
  if (before !== undefined) return before;
  const template = PLACEHOLDERS.reduce((text, [pattern, placeholder]) => text.replaceAll(pattern, placeholder), name);
  if (known.size >= REMEMBERED) known.clear();
  known.set(name, template);
  return template;
}
