import { z } from "zod";
import type { Authority } from "../model/authorization.ts";

const People = z.array(z.string().min(1).max(200)).default([]);

/** Who may permit what. */
export const ProtectionSettings = z.strictObject({
  twoPerson: z
    .boolean()
    .default(false)
    .describe("Neither who asks for an authorization nor who wrote the change may grant it."),
  expiryMinutes: z
    .number()
    .positive()
    .max(1_440)
    .default(30)
    .describe("How long an authorization can be granted and used, minutes."),
  roles: z
    .strictObject({ operator: People, maintainer: People, admin: People } satisfies Record<Authority, unknown>)
    .prefault({})
    .describe(
      "User names by what they may permit; each role includes those before it. While nobody is named, the person at the command line has every role.",
    ),
});
export type ProtectionSettings = z.infer<typeof ProtectionSettings>;
