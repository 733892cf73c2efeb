import type { Note } from "./note.ts";
import type { Store } from "./store.ts";

/** A note that matches a query. A higher score is a better match. */
export type Hit = { id: string; title: string; score: number; snippet: string };

/** A word in the title counts as much as three in the body, a word among the tags as much as two. */
const TITLE_WEIGHT = 3;
const TAG_WEIGHT = 2;
const SNIPPET_LENGTH = 140;

/** Finds the notes that have every word of the query, best first; equal scores in the order of their ids. */
export async function searchNotes(store: Store, query: string, limit: number): Promise<Hit[]> {
  const terms = [...new Set(words(query))];
  const hits: Hit[] = [];
  for (const id of await store.ids()) {
    const note = await store.read(id);
    const score = scoreOf(countWords(note), terms);
    if (score > 0) hits.push({ id, title: note.title, score, snippet: snippetOf(note, terms) });
  }
  return hits.sort(bestFirst).slice(0, limit);
}

/** The words of a text, in lower case. */
export function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function countWords(note: Note): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (text: string, weight: number) => {
    for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + weight);
  };
  count(note.title, TITLE_WEIGHT);
  count(note.tags.join(" "), TAG_WEIGHT);
  count(note.body, 1);
  return counts;
}

function scoreOf(counts: Map<string, number>, terms: string[]): number {
  const scores = terms.map((term) => counts.get(term) ?? 0);
  return scores.includes(0) ? 0 : scores.reduce((sum, score) => sum + score, 0);
}

function snippetOf(note: Note, terms: string[]): string {
  const lines = note.body.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((candidate) => words(candidate).some((word) => terms.includes(word))) ?? lines[0] ?? "";
  return line.length > SNIPPET_LENGTH ? `${line.slice(0, SNIPPET_LENGTH)}…` : line;
}

function bestFirst(a: Hit, b: Hit): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1);
}
