import { comments } from "./comments.ts";
import { gate } from "./gate/handler.ts";
import { followRun } from "./commands/follow.ts";
import type { EventHandler } from "./handler.ts";

/** What the App does about which event; several handlers may hear of the same one. */
export const HANDLERS: readonly EventHandler[] = [comments, followRun, gate];
