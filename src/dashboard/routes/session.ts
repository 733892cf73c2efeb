import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { Instant } from "../../model/json.ts";
import { ROLES } from "../../model/role.ts";
import { formatInstant } from "../../model/time.ts";
import type { Authenticator } from "../../protect/authenticate.ts";
import { json, route, type Route } from "../route.ts";

/** A session: the token goes where the key went, until it expires. */
export const SessionJson = z.object({
  token: z.string(),
  expires: Instant,
  name: z.string().describe("Name of the key."),
  role: z.enum(ROLES),
});

/** `POST /session`: a short-lived token for a key, for places that should not hold the key. */
export function sessionRoute(authenticator: Authenticator | undefined): Route {
  return route({
    method: "POST",
    path: "/session",
    id: "openSession",
    summary: "A short-lived token for the API key that is shown; a token cannot be exchanged for another.",
    access: "session",
    answer: { name: "Session", schema: SessionJson },
    handle: async ({ request: { principal, hasShownKey } }) => {
      if (authenticator === undefined || !hasShownKey) {
        throw new WhetstoneError("usage", "A session is opened with an API key.", {
          remedy: "Send the key itself as Authorization: Bearer KEY.",
        });
      }
      const { token, expiresNs } = authenticator.issue(principal);
      return json({ token, expires: formatInstant(expiresNs), name: principal.name, role: principal.role });
    },
  });
}
