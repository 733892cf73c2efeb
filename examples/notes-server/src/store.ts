import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatNote, parseNote, slug } from "./note.ts";
import type { Note } from "./note.ts";
import { traced } from "./tracing.ts";

/** A note larger than this is somebody's mistake, and is refused. */
const MAX_NOTE_BYTES = 1_000_000;

/** The notes: one Markdown file each. Nothing but `add` changes them while a server runs. */
export type Store = Awaited<ReturnType<typeof openStore>>;

/**
 * Opens the notes in `notesDir`, which is only read; notes that are added go to `stateDir`, so one process owns one `stateDir`.
 * Rejects when `notesDir` cannot be read.
 */
export async function openStore({ notesDir, stateDir }: { notesDir: string; stateDir: string }) {
  const addedDir = join(stateDir, "added");
  await mkdir(addedDir, { recursive: true });
  const given = new Set(await idsIn(notesDir));
  const taken = new Set([...given, ...(await idsIn(addedDir))]);

  /** Every id, in order. */
  async function ids(): Promise<string[]> {
    const found = await Promise.all([idsIn(notesDir), idsIn(addedDir)]);
    return found.flat().sort();
  }

  async function load(id: string): Promise<Note> {
    if (!taken.has(id)) throw new Error(`There is no note ${id}`);
    const path = join(given.has(id) ? notesDir : addedDir, `${id}.md`);
    const { size } = await stat(path);
    if (size > MAX_NOTE_BYTES) throw new Error(`Note ${id} is too large: ${size} bytes`);
    return parseNote(id, await readFile(path, "utf8"));
  }

  /** Reads one note. Rejects when there is none with that id. */
  function read(id: string): Promise<Note> {
    return traced("notes.read_file", { "notes.id": id }, () => load(id));
  }

  /** Reads the notes of one section, those whose ids begin with its name, in order. */
  async function readSection(section: string): Promise<Note[]> {
    const notes: Note[] = [];
    for (const id of await ids()) {
      if (id.startsWith(`${section}-`)) notes.push(await load(id));
    }
    return notes;
  }

  /** Stores a new note under an id made from its title; a number is appended when that id is taken. */
  async function add({ title, body, tags }: { title: string; body: string; tags: string[] }): Promise<Note> {
    const note = { id: freeId(slug(title), taken), title, created: new Date().toISOString(), tags, body };
    taken.add(note.id);
    const path = join(addedDir, `${note.id}.md`);
    await traced("notes.write_file", { "notes.id": note.id }, async () => {
      // Renamed when it is whole, so that a search under way never reads half a note.
      await writeFile(`${path}.part`, formatNote(note));
      await rename(`${path}.part`, path);
    });
    return note;
  }

  return { ids, read, readSection, add };
}

async function idsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith(".md")).map((name) => name.slice(0, -".md".length));
}

function freeId(wanted: string, taken: Set<string>): string {
  let id = wanted;
  for (let number = 2; taken.has(id); number++) id = `${wanted}-${number}`;
  return id;
}
