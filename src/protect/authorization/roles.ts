import { AUTHORITIES, type Authority } from "../../model/authorization.ts";
import type { RoleLookup } from "./ports.ts";
import { isSamePerson } from "./rules.ts";

/** Names of people by what they may grant, as `protection.roles` of `whetstone.yaml` has them. */
export type RoleTable = Readonly<Partial<Record<Authority, readonly string[] | undefined>>>;

/** Whether a table names nobody at all. */
export function namesNobody(table: RoleTable): boolean {
  return AUTHORITIES.every((authority) => (table[authority] ?? []).length === 0);
}

/**
 * Roles from a table; of several the highest counts. A table that names nobody leaves them to `unconfigured`: on one's own
 * machine, where the person at the keyboard could write the state branch by hand, every role, and none elsewhere.
 */
export function configuredRoles(
  table: RoleTable,
  { unconfigured }: { unconfigured: Authority | undefined },
): RoleLookup {
  return {
    authorityOf: async ({ type, id }) => {
      if (type !== "person") return undefined;
      if (namesNobody(table)) return unconfigured;
      return AUTHORITIES.findLast((authority) => (table[authority] ?? []).some((name) => isSamePerson(name, id)));
    },
  };
}
