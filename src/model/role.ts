/** Who may use the API and the pages. */
export const ROLES = ["executive", "operations", "developer", "security"] as const;
export type Role = (typeof ROLES)[number];

/** What a role may see or do. Single calls hold other people's data; sums over many do not. */
export const PERMISSIONS = {
  /** Counts, durations and metrics over many calls. */
  aggregates: ["executive", "operations", "developer", "security"],
  /** Single traces and spans with their attributes, stored or as they arrive. */
  traces: ["operations", "developer", "security"],
  /** Stopping everything, and seeing what is stopped. */
  stop: ["operations", "security"],
} as const satisfies Record<string, readonly Role[]>;
export type Permission = keyof typeof PERMISSIONS;

/** Whether a role has a permission. */
export const isPermitted = (role: Role, permission: Permission): boolean =>
  (PERMISSIONS[permission] as readonly Role[]).includes(role);
