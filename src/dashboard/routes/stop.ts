import { z } from "zod";
import type { PressStop } from "../../app/stop/press.ts";
import { WhetstoneError } from "../../model/error.ts";
import { json, route, type Route } from "../route.ts";

/** What a stop that was asked for is about. */
export const StopJson = z.object({
  press: z.string().describe("Names what was asked for, in the log of the server."),
  repositories: z.array(z.string()).describe("Repositories that are being stopped."),
  unread: z
    .array(z.object({ account: z.string(), why: z.string() }))
    .describe("Accounts whose repositories could not be listed, and are not stopped."),
});

const StopQuery = z.strictObject({
  repository: z.string().max(200).optional().describe("OWNER/REPO."),
  all: z.literal("yes").optional().describe("`yes`: all repositories where the App is installed."),
  why: z.string().min(1).max(500).optional().describe("For the others and for the record."),
});

/** `POST /stop`: the emergency stop of repositories on GitHub; it is kept when it is answered, and done then. */
export function stopRoute(press: PressStop): Route {
  return route({
    method: "POST",
    path: "/stop",
    id: "stop",
    summary: "Stops one repository on GitHub, or all of them; an administrator lets them go on there.",
    access: "stop",
    query: StopQuery,
    answer: { name: "Stop", schema: StopJson },
    handle: async ({ query: { repository, all, why = null }, request: { principal } }) => {
      if ((all === undefined) === (repository === undefined)) {
        throw new WhetstoneError("usage", "Neither one repository nor all of them are asked for.", {
          remedy: "Give either repository=OWNER/REPO or all=yes.",
        });
      }
      const scope = repository === undefined ? ({ all: true } as const) : ({ all: false, repository } as const);
      const pressed = await press({ scope, keyId: principal.keyId, why });
      if (pressed !== undefined) return json(pressed);
      throw new WhetstoneError("not_found", "The App is installed in no such repository.", {
        remedy: "The page /stop lists where it is installed.",
      });
    },
  });
}
