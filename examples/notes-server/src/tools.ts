import { context } from "@opentelemetry/api";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import { linksOf, readableTime } from "./note.ts";
import { overview } from "./overview.ts";
import { searchNotes } from "./search.ts";
import type { Store } from "./store.ts";
import { callerContext } from "./tracing.ts";

const Id = z
  .string()
  .regex(/^[a-z0-9-]+$/)
  .describe("The note's id, for example `onboarding-checklist`");

/** The MCP server over a store of notes, with its tools; to be connected to a transport. */
export function createServer(store: Store): McpServer {
  const server = new McpServer({ name: "notes", version: "1.0.0" });

  server.registerTool(
    "search_notes",
    {
      description: "Finds the notes that have every word of the query, best match first.",
      inputSchema: { query: z.string().min(1), limit: z.number().int().min(1).max(50).default(10) },
    },
    answer(async ({ query, limit }) => ({ hits: await searchNotes(store, query, limit) })),
  );

  server.registerTool(
    "read_note",
    { description: "Reads one note.", inputSchema: { id: Id } },
    answer(async ({ id }) => {
      const note = await store.read(id);
      return { ...note, created: readableTime(note.created) };
    }),
  );

  server.registerTool(
    "list_notes",
    {
      description: "Lists the notes in the order of their ids, a page at a time.",
      inputSchema: { after: Id.optional(), limit: z.number().int().min(1).max(50).default(20) },
    },
    answer(async ({ after = "", limit }) => {
      const ids = (await store.ids()).filter((id) => id > after);
      const notes = await Promise.all(ids.slice(0, limit).map(store.read));
      return {
        notes: notes.map(({ id, title, tags }) => ({ id, title, tags })),
        more: Math.max(0, ids.length - limit),
      };
    }),
  );

  server.registerTool(
    "related_notes",
    { description: "The notes that a note links to.", inputSchema: { id: Id } },
    answer(async ({ id }) => {
      const existing = new Set(await store.ids());
      const links = linksOf(await store.read(id)).filter((link) => existing.has(link));
      const notes = await Promise.all(links.map(store.read));
      return {
        related: notes.map((note) => ({ id: note.id, title: note.title, created: readableTime(note.created) })),
      };
    }),
  );

  server.registerTool(
    "add_note",
    {
      description: "Adds a note; gives back the id that it got.",
      inputSchema: {
        title: z
          .string()
          .trim()
          .min(1)
          .max(200)
          .regex(/^[^\n]+$/),
        body: z.string().min(1).max(100_000),
        tags: z.array(z.string().regex(/^[^\s,[\]]+$/)).default([]),
      },
    },
    answer(async (input) => {
      const { id, created } = await store.add(input);
      return { id, created };
    }),
  );

  server.registerTool(
    "overview",
    { description: "The state of the team: incidents per service, open tasks, decisions.", inputSchema: {} },
    answer(() => overview(store)),
  );

  return server;
}

/** A tool's handler: runs in the caller's trace, and answers with structured content and the same as text. */
function answer<A>(work: (args: A) => Promise<Record<string, unknown>>) {
  return (args: A, extra: { _meta?: object }) =>
    context.with(callerContext(extra._meta), async () => {
      const value = await work(args);
      return { content: [{ type: "text" as const, text: JSON.stringify(value) }], structuredContent: value };
    });
}
