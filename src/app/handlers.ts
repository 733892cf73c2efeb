import { reviews } from "./approval/reviews.ts";
import { checks } from "./checks/handler.ts";
import { comments, refusals } from "./comments.ts";
import { gate } from "./gate/handler.ts";
import { pullClosed } from "./outcomes/closed.ts";
import { heldTask } from "./outcomes/held.ts";
import { pullReopened } from "./outcomes/reopened.ts";
import { stopAsked } from "./stop/asked.ts";
import { stopTask } from "./stop/stop-task.ts";
import { followRun } from "./commands/follow.ts";
import { mergeGroup } from "./checks/merge-group.ts";
import type { EventHandler } from "./handler.ts";

/** What the App does about which event; several handlers may hear of the same one. */
export const HANDLERS: readonly EventHandler[] = [
  comments,
  refusals,
  followRun,
  reviews,
  gate,
  pullClosed,
  pullReopened,
  heldTask,
  stopTask,
  mergeGroup,
  stopAsked,
  // Last: it shows what the others put on record.
  checks,
];
