import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppEvent, HandlerContext, Task } from "../../src/app/handler.ts";
import type { RepositoryAccess } from "../../src/app/repository.ts";
import { formatInstant, manualClock } from "../../src/model/time.ts";
import type { Store } from "../../src/store/store.ts";
import { openRepository } from "../../src/wire-app.ts";
import { BOT_LOGIN, type GitHub, type GitHubOptions, OWNER, REPO, startGitHub } from "../support/github.ts";
import { laidOver, type Payload, payloadOf } from "../support/github-webhooks.ts";
import { APP_ID } from "./payloads.ts";

/** A repository on the emulator as the App reaches it, and what a handler left behind. */
export type Counterpart = AsyncDisposable & {
  readonly github: GitHub;
  readonly repository: RepositoryAccess;
  readonly clock: ReturnType<typeof manualClock>;
  readonly tasks: readonly Task[];
  readonly lines: readonly string[];
  /** What a handler gets for an event. */
  readonly context: (
    event: Pick<AppEvent, "name" | "payload"> & Partial<AppEvent>,
    telemetry?: Store,
  ) => HandlerContext;
};

/** Starts the emulator with one repository and opens it for the App. */
export async function startCounterpart(options: GitHubOptions = {}): Promise<Counterpart> {
  const github = await startGitHub(options);
  const folder = await mkdtemp(join(tmpdir(), "whetstone-app-"));
  const clock = manualClock();
  const self = { appId: APP_ID, login: BOT_LOGIN };
  const repository = openRepository({
    owner: OWNER,
    repo: REPO,
    self,
    client: github.client(),
    clock,
    folder,
    run: "delivery-1",
  });
  const tasks: Task[] = [];
  const lines: string[] = [];
  return {
    github,
    repository,
    clock,
    tasks,
    lines,
    context: (event, telemetry) => ({
      event: {
        id: "delivery-1",
        attempt: 1,
        receivedAt: Number(clock.now() / 1_000_000n),
        ...event,
        payload: sent(event, formatInstant(clock.now())),
      },
      repository,
      clock,
      telemetry,
      schedule: async (task) => void tasks.push(task),
      log: (line) => void lines.push(line),
    }),
    [Symbol.asyncDispose]: async () => {
      await github[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What GitHub would send: the payload of a test completed, and proved by GitHub's description; tasks and odd ones as they are. */
function sent({ name, payload }: Pick<AppEvent, "name" | "payload">, at: string): unknown {
  const isNothing = typeof payload === "object" && payload !== null && Object.keys(payload).length === 0;
  if (name.startsWith("task.") || isNothing) return payload;
  // A comment that was written long ago is not heard.
  const fresh = name === "issue_comment.created" ? { comment: { created_at: at } } : {};
  return payloadOf(name, laidOver(fresh, payload as Payload));
}
