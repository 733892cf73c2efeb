import type { Store } from "./store.ts";
import { traced } from "./tracing.ts";

/** How many incidents each service had, the most first. */
async function scanIncidents(store: Store) {
  const counts = new Map<string, number>();
  for (const note of await store.readSection("incident")) {
    for (const tag of note.tags.filter((name) => name !== "incident")) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  const services = [...counts].map(([service, incidents]) => ({ service, incidents }));
  return services.sort((a, b) => b.incidents - a.incidents || (a.service < b.service ? -1 : 1));
}

/** The tasks (`- [ ]`) that the team's meetings left open. */
async function scanTasks(store: Store) {
  const meetings = await store.readSection("team-meeting");
  return meetings.flatMap((note) => {
    const open = [...note.body.matchAll(/^- \[ \] (.+)$/gm)];
    return open.map((match) => ({ meeting: note.id, task: match[1] ?? "" }));
  });
}

/** The decisions that hold, in the order in which they were taken. */
async function scanDecisions(store: Store) {
  const decisions = await store.readSection("decision");
  decisions.sort((a, b) => (a.created < b.created ? -1 : 1));
  return decisions.map((note) => note.title.replace(/^Decision: /, ""));
}

/** The state of the team: its incidents, its open tasks, its decisions. */
export async function overview(store: Store) {
  const incidents = await traced("notes.scan_incidents", {}, () => scanIncidents(store));
  const tasks = await traced("notes.scan_tasks", {}, () => scanTasks(store));
  const decisions = await traced("notes.scan_decisions", {}, () => scanDecisions(store));
  return { incidents, tasks, decisions };
}
