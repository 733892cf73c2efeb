import type { Repository } from "../../github/host-port.ts";
import type { Authority } from "../../model/authorization.ts";
import type { RoleLookup } from "./ports.ts";
import { configuredRoles, namesNobody, type RoleTable } from "./roles.ts";

const AUTHORITY: Readonly<Record<string, Authority>> = { write: "operator", maintain: "maintainer", admin: "admin" };

/** Roles by what GitHub lets a person do with the repository at this moment: write, maintain, admin. Others hold none. */
export function permissionRoles({ permission }: Pick<Repository, "permission">): RoleLookup {
  return {
    authorityOf: async ({ type, id }) => (type === "person" ? AUTHORITY[await permission(id)] : undefined),
  };
}

/**
 * Roles of those whom a table names, as long as they may write to the repository: a name that changed hands, or whose
 * owner has left, holds nothing. While the table names nobody, {@link permissionRoles} hold.
 */
export function rolesOnGitHub(repository: Pick<Repository, "permission">, table: () => Promise<RoleTable>): RoleLookup {
  const permitted = permissionRoles(repository);
  return {
    authorityOf: async (person) => {
      const held = await permitted.authorityOf(person);
      if (held === undefined) return undefined;
      const named = await table();
      return namesNobody(named) ? held : await configuredRoles(named, { unconfigured: undefined }).authorityOf(person);
    },
  };
}
