import type { StateStore } from "../../github/state-port.ts";
import type { Authority, AuthorizationRequest } from "../../model/authorization.ts";
import type { Actor } from "../../model/ledger.ts";
import type { Clock } from "../../model/time.ts";

/** Tells people that something waits for them. Adapters: `announceTo` (a line of text), {@link memoryNotifier}. */
export type Notifier = {
  /** A request was put on record. A failure to tell is the caller's to report; the request stands. */
  readonly requested: (request: AuthorizationRequest) => Promise<void>;
};

/** Says what somebody may grant. Adapters: `configuredRoles` (names in whetstone.yaml), `permissionRoles` (permissions on GitHub). */
export type RoleLookup = {
  /** The highest that a person holds; undefined for none. */
  readonly authorityOf: (person: Actor) => Promise<Authority | undefined>;
};

/** What the protection of a repository is set to. */
export type ProtectionRules = {
  /** Neither who asks nor who wrote the change may grant it. */
  readonly twoPerson: boolean;
  /** How long an authorization can be granted and used, minutes. */
  readonly expiryMinutes: number;
};

/** What authorizations work on. */
export type AuthorizationDesk = {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly roles: RoleLookup;
  /** As they stand now. */
  readonly rules: () => Promise<ProtectionRules>;
};

/** Memory twin of {@link Notifier}. */
export function memoryNotifier(): Notifier & { readonly told: readonly AuthorizationRequest[] } {
  const told: AuthorizationRequest[] = [];
  return { told, requested: async (request) => void told.push(request) };
}

/** One line per request, for a terminal or a log; the caller makes it safe to print. */
export function announceTo(write: (line: string) => void): Notifier {
  return {
    requested: async ({ id, operation, target, risk, role, expiresAt }) =>
      write(
        `${id} waits for a person with the role ${role}: ${operation} of ${target}, risk ${risk.level}, until ${expiresAt}. Grant it: whetstone authorize grant ${id}`,
      ),
  };
}
