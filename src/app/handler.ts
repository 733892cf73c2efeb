import type { GateLooks } from "../capture/gate-looks.ts";
import type { Clock } from "../model/time.ts";
import type { Store } from "../store/store.ts";
import type { RepositoryAccess } from "./repository.ts";
import type { Work } from "./work/port.ts";

/** A delivery or a task as a handler gets it: it may come again after a crash, so a handler looks before it writes. */
export type AppEvent = {
  /** The same at every attempt. */
  readonly id: string;
  /** `issue_comment.created`, `check_run.requested_action`; `task.NAME` for a task. */
  readonly name: string;
  /** JSON value, checked for nothing yet: each handler parses the part that it uses. */
  readonly payload: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
};

/** Work to be done later. Its id and time of receipt are as in {@link Work}; known ids are not taken again. */
export type Task = Pick<Work, "id" | "key"> & {
  readonly name: `task.${string}`;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds. */
  readonly notBefore: number;
};

/** What a handler works with. */
export type HandlerContext = {
  readonly event: AppEvent;
  /** The repository that the event is of. */
  readonly repository: RepositoryAccess;
  /** Telemetry that this server holds; absent when it has none. */
  readonly telemetry?: Store | undefined;
  /** Looks at the gates of that telemetry, which keep what they counted; without them each look reads everything. */
  readonly looks?: GateLooks | undefined;
  readonly clock: Clock;
  /** Puts a task into the queue. */
  readonly schedule: (task: Task) => Promise<void>;
  /** One line for the log of the server. */
  readonly log: (line: string) => void;
};

/** How the handling of an event ended; a thrown error is tried again with growing pauses. */
export type Handled =
  { readonly kind: "done" } | { readonly kind: "again"; readonly at: number; readonly payload?: unknown };

/** One kind of event and what is done about it. */
export type EventHandler = {
  /** Names of {@link AppEvent}. */
  readonly events: readonly string[];
  readonly handle: (context: HandlerContext) => Promise<Handled>;
};
