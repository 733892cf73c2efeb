import { messageOf, WhetstoneError } from "../model/error.ts";
import type { GateLooks } from "../capture/gate-looks.ts";
import type { Clock } from "../model/time.ts";
import type { Store } from "../store/store.ts";
import type { EventHandler, Handled, HandlerContext, Task } from "./handler.ts";
import { type InstallationChange, installationChange } from "./installation.ts";
import { addressOf, opened, type Place, placeName, sealed } from "./place.ts";
import type { RepositoryAccess } from "./repository.ts";
import type { ClaimedWork, WorkQueue } from "./work/port.ts";
import { wholeInstant } from "./worker.ts";

/** What is done with work that was claimed. */
export type PerformParts = {
  readonly handlers: readonly EventHandler[];
  readonly queue: Pick<WorkQueue, "add">;
  /** Opens a repository; undefined when the App is not installed there (any more). `run`: id of the work. */
  readonly open: (place: Place, run: string) => Promise<RepositoryAccess | "suspended" | undefined>;
  /** What changes with an installation; see docs/app.md for what is deleted. */
  readonly onInstallation: (change: InstallationChange) => Promise<void>;
  readonly telemetry?: Store | undefined;
  readonly looks?: GateLooks | undefined;
  readonly clock: Clock;
  /** One line about a work. */
  readonly log: (work: ClaimedWork, line: string) => void;
  /** Says that a task was put into the queue. */
  readonly onScheduled: () => void;
};

/** What a piece of work is about, whoever made it. */
type Subject = { readonly name: string; readonly place: Place | undefined; readonly payload: unknown };

/**
 * Does one piece of work: every handler of its event, one after the other. Where one fails the others still run, and all of
 * them run again with the next attempt.
 * @throws WhetstoneError what the handlers threw
 */
export async function performWork(parts: PerformParts, work: ClaimedWork): Promise<Handled> {
  const subject = subjectOf(work);
  const change = installationChange(subject.name, subject.payload);
  if (change !== undefined) {
    await parts.onInstallation(change);
    return { kind: "done" };
  }
  const handlers = parts.handlers.filter(({ events }) => events.includes(subject.name));
  const { place } = subject;
  if (handlers.length === 0 || place === undefined) {
    parts.log(
      work,
      handlers.length === 0 ? "nothing handles it (any more)" : "it names no repository with an installation",
    );
    return { kind: "done" };
  }
  const repository = await parts.open(place, work.id);
  if (repository === undefined) {
    parts.log(work, `the App is not installed in ${placeName(place)} any more; nothing is done`);
    return { kind: "done" };
  }
  if (repository === "suspended") return untilResumed(parts, work, place);
  // Its name of today: a repository may have been renamed since.
  const here = { ...place, owner: repository.owner, repo: repository.repo };
  const context = contextOf(parts, { work, subject, place: here, repository });
  const handled = await runAll(handlers, context);
  if (handled.kind === "done" || handled.payload === undefined) return handled;
  return { ...handled, payload: sealed({ name: subject.name, place: here, payload: handled.payload }) };
}

/** Time between two looks at a suspended installation, ms, and how old a delivery becomes meanwhile before it is let go. */
const SUSPENDED_LOOK_MS = 30 * 60_000;
const LONGEST_SUSPENDED_MS = 3 * 86_400_000;

/** Tasks wait for the end of a suspension; what people asked for long before it ends is not begun out of the blue. */
function untilResumed({ clock, log }: PerformParts, work: ClaimedWork, place: Place): Handled {
  const now = Number(clock.now() / 1_000_000n);
  const where = `the installation in ${placeName(place)} is suspended`;
  if (!work.event.startsWith("task.") && now - work.receivedAt > LONGEST_SUSPENDED_MS) {
    log(work, `${where}; it is let go after three days`);
    return { kind: "done" };
  }
  log(work, `${where}; it waits`);
  return { kind: "again", at: now + SUSPENDED_LOOK_MS };
}

/** @throws WhetstoneError `input_unreadable` */
function subjectOf({ event, payload, id }: ClaimedWork): Subject {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch (error) {
    throw new WhetstoneError("input_unreadable", `The payload of ${event} ${id} is no JSON.`, { cause: error });
  }
  const envelope = opened(value);
  if (envelope !== undefined) return envelope;
  return { ...addressOf(event, value), payload: value };
}

type Found = {
  readonly work: ClaimedWork;
  readonly subject: Subject;
  readonly place: Place;
  readonly repository: RepositoryAccess;
};

function contextOf(parts: PerformParts, { work, subject, place, repository }: Found): HandlerContext {
  const { id, attempt, receivedAt } = work;
  return {
    event: { id, name: subject.name, payload: subject.payload, attempt, receivedAt },
    repository,
    telemetry: parts.telemetry,
    looks: parts.looks,
    clock: parts.clock,
    schedule: (task) => schedule(parts, task, place),
    log: (line) => parts.log(work, line),
  };
}

/** Ids and keys of tasks carry their repository, so that two repositories never share one. */
async function schedule({ queue, clock, onScheduled }: PerformParts, task: Task, place: Place): Promise<void> {
  const prefix = placeName(place);
  const within = (text: string): string => (isWithin(text, prefix) ? text : `${prefix}:${text}`);
  const { id, name, key, payload } = task;
  const notBefore = wholeInstant(task.notBefore);
  const receivedAt = Number(clock.now() / 1_000_000n);
  const envelope = JSON.stringify(sealed({ name, place, payload }));
  await queue.add({
    id: within(id),
    event: name,
    key: within(key.toLowerCase()),
    payload: envelope,
    receivedAt,
    notBefore,
  });
  onScheduled();
}

function isWithin(text: string, prefix: string): boolean {
  return text === prefix || (text.startsWith(prefix) && "#@!:/".includes(text.charAt(prefix.length)));
}

async function runAll(handlers: readonly EventHandler[], context: HandlerContext): Promise<Handled> {
  const errors: unknown[] = [];
  let next: Extract<Handled, { kind: "again" }> | undefined;
  for (const handler of handlers) {
    try {
      const handled = await handler.handle(context);
      if (handled.kind === "again" && (next === undefined || handled.at < next.at)) next = handled;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(messageOf).join("; "));
  return next ?? { kind: "done" };
}
