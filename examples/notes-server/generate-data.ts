/** Writes the example's notes: `node examples/notes-server/generate-data.ts [folder]`. The same notes every time. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatNote, slug } from "./src/note.ts";
import type { Note } from "./src/note.ts";

const SERVICES = ["billing", "checkout", "search", "mailer", "gateway", "scheduler", "warehouse", "identity"];
const CAUSES: [string, string][] = [
  ["certificate expired", "The certificate had been renewed, but the load balancer kept the old one until a reload."],
  ["disk full", "Debug logging had been left on after the last release and filled the volume over the weekend."],
  ["slow queries", "A new filter had no index, so each request scanned the whole orders table."],
  [
    "connection pool exhausted",
    "A retry loop held its connection while it waited, and under load nobody gave one back.",
  ],
  ["bad deploy", "The release expected a column that the migration had not yet added in the second region."],
];
const GUIDES = [
  "restore a database backup",
  "rotate the signing keys",
  "add a new region",
  "read the latency dashboard",
  "run the load test",
  "debug a memory leak",
  "order test hardware",
  "publish a release",
  "review a pull request",
  "set up a laptop",
  "write a runbook",
  "hand over the pager",
  "rename a service",
  "request access to production",
  "record a demo",
  "plan a game day",
  "close an incident",
  "profile a slow endpoint",
  "archive an old project",
  "share a trace",
];
const DECISIONS = [
  "PostgreSQL for new services",
  "feature flags in configuration",
  "one repository for all services",
  "monthly maintenance window",
  "OpenTelemetry for tracing",
  "UTC in every log",
  "no deploys on Friday afternoon",
  "error budgets per service",
  "JSON for internal events",
  "two reviewers for migrations",
  "short-lived branches",
  "one runbook per alert",
  "backups in a second region",
  "plain Markdown for notes",
  "semantic versions for libraries",
  "a glossary for new terms",
];
const BOOKS = [
  "The Art of Capacity Planning",
  "Designing Data-Intensive Applications",
  "Release It",
  "The Site Reliability Workbook",
  "Accelerate",
  "A Philosophy of Software Design",
  "Systems Performance",
  "Thinking in Systems",
  "The Field Guide to Understanding Human Error",
  "Observability Engineering",
  "The Manager's Path",
  "Team Topologies",
  "Database Internals",
  "The Mythical Man-Month",
];
const PEOPLE = ["Amara", "Björn", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana", "Ivo", "Jun", "Kaya", "Leif"];
const SENTENCES = [
  "The dashboard showed the latency rise ten minutes before the first alert went out.",
  "We agreed to measure before we change anything, and to write the number down.",
  "The retry budget was spent within a minute, so the queue grew faster than it drained.",
  "Nobody on the rota had seen this failure before; the runbook did not mention it.",
  "A rollback would have been quicker than the fix, and next time we start with it.",
  "The staging environment has a tenth of the data, which is why the test did not show it.",
  "Customers noticed because the confirmation mail was late, not because a page was slow.",
  "The cache hides the problem for warm keys; the first request after a deploy still pays.",
  "Ownership was unclear: two teams thought that the other one watched this queue.",
  "The backup finished, but nobody had tried to restore it since spring.",
  "A small script now checks this every night and opens an issue when the answer changes.",
  "The vendor confirmed the limit and raised it for us until the end of the quarter.",
  "Tracing made the order of the calls obvious: they ran one after the other for no reason.",
  "The index is built at night, and a new document is found from the next morning on.",
  "Half of the requests came from one client that polled once a second.",
  "Writing it down took an hour and has already saved the second person a day.",
  "The migration is safe to run twice; the second run does nothing.",
  "We keep the old endpoint until the mobile app has moved, at the latest in autumn.",
  "The timeout was longer than the caller's own, so the work was done for nobody.",
  "An export to a spreadsheet is still how the finance team reads these figures.",
  "The capacity plan assumes ten percent growth a month, which held in the last year.",
  "Access is granted by the team lead and expires after ninety days.",
  "The pager was quiet for the rest of the week.",
  "We should delete the flag; it has been on for everybody since March.",
];
const TASKS = [
  "add an alert for the queue length",
  "write the missing runbook",
  "delete the old flag",
  "try a restore in staging",
  "ask the vendor for the new limit",
  "index the orders table by customer",
  "move the cron job to the scheduler",
  "tell support about the change",
  "book a room for the review",
  "update the diagram",
];

/** Mulberry32, a small pseudo-random generator: each call gives a whole number below `limit`. */
function dice(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

type Draft = { title: string; tags: string[]; opening: string; imported?: boolean };

function incidents(): Draft[] {
  return SERVICES.flatMap((service) =>
    CAUSES.map(([name, text]) => ({
      title: `Incident: ${service}, ${name}`,
      tags: ["incident", service],
      opening: `The ${service} service failed for some customers. ${text}`,
    })),
  );
}

function meetings(): Draft[] {
  return Array.from({ length: 40 }, (_, week) => ({
    title: `Team meeting, week ${String(week + 1).padStart(2, "0")}`,
    tags: ["meeting", SERVICES[week % SERVICES.length] ?? "team"],
    opening: `Present: ${PEOPLE.filter((_, seat) => (week + seat) % 3 !== 0).join(", ")}.`,
  }));
}

function drafts(): Draft[] {
  return [
    ...incidents(),
    ...meetings(),
    ...GUIDES.map((task) => ({
      title: `How to ${task}`,
      tags: ["howto"],
      opening: `What it takes to ${task}, step by step.`,
    })),
    ...DECISIONS.map((what) => ({ title: `Decision: ${what}`, tags: ["decision"], opening: `We decided on ${what}.` })),
    ...BOOKS.map((book) => ({ title: `Reading: ${book}`, tags: ["reading"], opening: `What we took from ${book}.` })),
    ...PEOPLE.map((name) => ({
      title: `Onboarding ${name}`,
      tags: ["people", "onboarding"],
      opening: `${name} joins the team.`,
    })),
    ...["office network", "printer queue", "password policy", "holiday calendar"].map((page) => ({
      title: `Wiki: ${page}`,
      tags: ["wiki", "imported"],
      opening: `Taken over from the old wiki: ${page}.`,
      imported: true,
    })),
  ];
}

function bodyOf(draft: Draft, links: string[], roll: (limit: number) => number): string {
  const sentence = () => SENTENCES[roll(SENTENCES.length)] ?? "";
  const paragraph = () => Array.from({ length: 3 + roll(3) }, sentence).join(" ");
  const tasks = Array.from({ length: roll(4) }, () => `- [${roll(2) === 0 ? " " : "x"}] ${TASKS[roll(TASKS.length)]}`);
  return [
    draft.opening,
    paragraph(),
    `## Notes\n\n${paragraph()}`,
    ...(tasks.length > 0 ? [`## Tasks\n\n${tasks.join("\n")}`] : []),
    `See also ${links.map((link) => `[[${link}]]`).join(", ")}.`,
  ].join("\n\n");
}

/** The wiki knew only the day of a page; notes written here have the time as well. */
function createdAt(number: number, imported: boolean): string {
  const instant = new Date(Date.UTC(2024, 0, 2, 8) + number * 79 * 3_600_000).toISOString().replace(".000Z", "Z");
  return imported ? instant.slice(0, 10) : instant;
}

function notes(): Note[] {
  const roll = dice(20_240_102);
  const all = drafts().map((draft) => ({ ...draft, id: slug(draft.title) }));
  return all.map((draft, number) => {
    const links = [...new Set(Array.from({ length: 2 + roll(3) }, () => all[roll(all.length)]?.id ?? draft.id))];
    const linked = roll(20) === 0 ? [...links, "glossary"] : links;
    return { ...draft, created: createdAt(number, draft.imported ?? false), body: bodyOf(draft, linked, roll) };
  });
}

const folder = process.argv[2] ?? join(import.meta.dirname, "data");
await mkdir(folder, { recursive: true });
await Promise.all(notes().map((note) => writeFile(join(folder, `${note.id}.md`), formatNote(note))));
