import type { Repository } from "../../github/host-port.ts";
import type { Authority } from "../../model/authorization.ts";
import type { RoleLookup } from "./ports.ts";

const AUTHORITY: Readonly<Record<string, Authority>> = { write: "operator", maintain: "maintainer", admin: "admin" };

/** Roles by what GitHub lets a person do with the repository at this moment: write, maintain, admin. Others hold none. */
export function permissionRoles({ permission }: Pick<Repository, "permission">): RoleLookup {
  return {
    authorityOf: async ({ type, id }) => (type === "person" ? AUTHORITY[await permission(id)] : undefined),
  };
}
