/** One note: what its front matter says, and its Markdown body. */
export type Note = { id: string; title: string; created: string; tags: string[]; body: string };

/**
 * Reads a note's text: a front matter block between two `---` lines with `title`, `created` and `tags`, then the body.
 * Throws when there is no such block or a field is missing.
 */
export function parseNote(id: string, text: string): Note {
  const match = /^---\n(?<head>[\s\S]*?)\n---\n(?<body>[\s\S]*)$/.exec(text);
  if (!match?.groups) throw new Error(`Note ${id} has no front matter`);
  const fields = parseFields(match.groups.head ?? "");
  return {
    id,
    title: required(fields, "title", id),
    created: required(fields, "created", id),
    tags: parseTags(fields.get("tags") ?? "[]"),
    body: (match.groups.body ?? "").trim(),
  };
}

/** The text of a note as it stands in its file; `parseNote` reads it back. */
export function formatNote(note: Note): string {
  return `---\ntitle: ${note.title}\ncreated: ${note.created}\ntags: [${note.tags.join(", ")}]\n---\n\n${note.body}\n`;
}

/** When a note was written, as people read it: `2024-03-05T09:30:00Z` becomes `2024-03-05 09:30:00 UTC`. */
export function readableTime(created: string): string {
  const [day, time] = created.split("T") as [string, string];
  return `${day} ${time.replace("Z", " UTC")}`;
}

/** The notes that a body links to as `[[id]]`, each once, in order. */
export function linksOf(note: Note): string[] {
  return [...new Set([...note.body.matchAll(/\[\[([a-z0-9-]+)\]\]/g)].map((match) => match[1] ?? ""))];
}

/** A title as an id: lower case, words joined by hyphens, ASCII only. */
export function slug(title: string): string {
  const words = title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ["note"];
  return words.join("-").slice(0, 80);
}

function parseFields(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

function parseTags(value: string): string[] {
  const tags = value.replace(/^\[|\]$/g, "").split(",");
  return tags.map((tag) => tag.trim()).filter((tag) => tag !== "");
}

function required(fields: Map<string, string>, name: string, id: string): string {
  const value = fields.get(name);
  if (!value) throw new Error(`Note ${id} has no ${name} in its front matter`);
  return value;
}
