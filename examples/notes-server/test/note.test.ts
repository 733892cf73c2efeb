import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNote, linksOf, parseNote, readableTime, slug } from "../src/note.ts";

const TEXT =
  "---\ntitle: Incident: search, disk full\ncreated: 2024-03-05T09:30:00Z\ntags: [incident, search]\n---\n\nIt was full.\n";

await test("a note's text is read: fields, tags, body", () => {
  assert.deepEqual(parseNote("full", TEXT), {
    id: "full",
    title: "Incident: search, disk full",
    created: "2024-03-05T09:30:00Z",
    tags: ["incident", "search"],
    body: "It was full.",
  });
});

await test("a note's text is written as it was read", () => {
  assert.equal(formatNote(parseNote("full", TEXT)), TEXT);
});

await test("a text without front matter, or without a title, is refused by name", () => {
  assert.throws(() => parseNote("plain", "Just text.\n"), /Note plain has no front matter/);
  assert.throws(
    () => parseNote("bare", "---\ncreated: 2024-03-05T09:30:00Z\n---\n\nText.\n"),
    /Note bare has no title/,
  );
});

await test("a time is shown as people read it", () => {
  assert.equal(readableTime("2024-03-05T09:30:00Z"), "2024-03-05 09:30:00 UTC");
});

await test("links are found in order, each once", () => {
  const note = { ...parseNote("full", TEXT), body: "[[b]], then [[a-1]], then [[b]] again; [not] [[A LINK]]" };
  assert.deepEqual(linksOf(note), ["b", "a-1"]);
});

await test("an id is made from a title", () => {
  assert.equal(slug("Onboarding Björn, week 2!"), "onboarding-bjorn-week-2");
  assert.equal(slug("…"), "note");
});
