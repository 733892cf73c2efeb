import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { refusal as hostRefusal } from "../capture/http/admission.ts";
import { isPermitted } from "../model/role.ts";
import type { Principal, Refusal } from "../protect/api-key.ts";
import type { Authenticator } from "../protect/authenticate.ts";
import { type Problem, refusal } from "./problem.ts";
import { type RateLimiter, rateLimitHeaders } from "./rate-limit.ts";
import type { Route } from "./route.ts";

/** Who is let in: holders of keys, or, on loopback only, everybody. */
export type Access = { readonly kind: "keys"; readonly authenticator: Authenticator } | { readonly kind: "open" };

/** The outcome of asking who it is, whether they may, and whether they may now. */
export type Admission =
  | {
      readonly kind: "admitted";
      readonly principal: Principal;
      readonly hasShownKey: boolean;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: "refused"; readonly problem: Problem; readonly headers: Readonly<Record<string, string>> };

/** What admission works with. */
export type AdmissionParts = {
  readonly access: Access;
  readonly requests: RateLimiter;
  readonly attempts: RateLimiter;
  readonly onRefused: (why: Refusal) => void;
  readonly onLimited: (quota: "requests" | "attempts") => void;
};

const ANYBODY: Principal = { keyId: "open", name: "anybody on this machine", role: "developer" };

const CREDENTIAL_REMEDY: Readonly<Record<Refusal, string>> = {
  missing: "Send Authorization: Bearer KEY; `whetstone api-key create` makes a key.",
  unknown: "Check the key; `whetstone api-key list` shows which there are.",
  revoked: "Ask for another key.",
  expired: "Ask for another key, or for another token with POST /api/v1/session.",
};

/**
 * Lets a request for a route in. A key that proves itself is let in however many wrong ones come from its address, since
 * many clients may share one and no key of 256 random bits is found by trying; the quota of attempts bounds the answers
 * that guessers and clients with a wrong key get.
 */
export async function admit(request: IncomingMessage, wanted: Route, parts: AdmissionParts): Promise<Admission> {
  if (wanted.access === "public") return { kind: "admitted", principal: ANYBODY, hasShownKey: false, headers: {} };
  const { access } = parts;
  if (access.kind === "open") {
    const foreign = hostRefusal(request.headers, { listenHost: "localhost", allowedHosts: [] });
    if (foreign !== undefined) return foreignHost(foreign);
    return withinQuota(ANYBODY, wanted, { ...parts, hasShownKey: false });
  }
  const identity = await access.authenticator.identify(request.headers.authorization);
  if (identity.kind === "refused") return refused(request, identity.why, parts);
  return withinQuota(identity.principal, wanted, { ...parts, hasShownKey: identity.via === "key" });
}

/** Whether the sender of a request that was let in would be let in still; takes nothing from the quota. */
export async function isStillAdmitted(request: IncomingMessage, wanted: Route, access: Access): Promise<boolean> {
  if (access.kind === "open" || wanted.access === "public") return true;
  const identity = await access.authenticator.identify(request.headers.authorization);
  if (identity.kind === "refused") return false;
  return wanted.access === "session" || isPermitted(identity.principal.role, wanted.access);
}

function withinQuota(
  principal: Principal,
  wanted: Route,
  { requests, onLimited, hasShownKey, access }: AdmissionParts & { readonly hasShownKey: boolean },
): Admission {
  const standing = requests.take(principal.keyId);
  const headers = rateLimitHeaders(standing);
  if (!standing.isAllowed) {
    onLimited("requests");
    const detail = `The quota of ${standing.limit} requests in ${standing.windowMs / 1_000} s is used up.`;
    return { kind: "refused", problem: refusal("rate_limited", detail, waitFor(headers)), headers };
  }
  const permission = wanted.access;
  if (access.kind === "open" || permission === "session" || permission === "public") {
    return { kind: "admitted", principal, hasShownKey, headers };
  }
  if (isPermitted(principal.role, permission)) return { kind: "admitted", principal, hasShownKey, headers };
  const detail =
    permission === "stop"
      ? `The role ${principal.role} may not stop.`
      : `The role ${principal.role} may not see ${permission}.`;
  const remedy = "Use a key of a role that may; the document at /api/v1/openapi.json says which.";
  return { kind: "refused", problem: refusal("forbidden", detail, remedy), headers };
}

function refused(request: IncomingMessage, why: Refusal, parts: AdmissionParts): Admission {
  parts.onRefused(why);
  const standing = parts.attempts.take(addressOf(request));
  if (!standing.isAllowed) {
    parts.onLimited("attempts");
    const headers = rateLimitHeaders(standing);
    const detail = "Too many requests without a credential that holds came from this address.";
    return { kind: "refused", problem: refusal("rate_limited", detail, waitFor(headers)), headers };
  }
  const said =
    why === "missing" ? "A credential is needed." : `The credential is ${why === "unknown" ? "not valid" : why}.`;
  return {
    kind: "refused",
    problem: refusal("unauthenticated", said, CREDENTIAL_REMEDY[why]),
    headers: { "WWW-Authenticate": `Bearer realm="whetstone"${why === "missing" ? "" : ', error="invalid_token"'}` },
  };
}

const waitFor = (headers: Readonly<Record<string, string>>): string =>
  `Wait ${headers["Retry-After"] ?? "1"} s before the next request.`;

/** A page of another site may let its name point here (DNS rebinding); then the browser names that site as host. */
function foreignHost(why: string): Admission {
  const remedy = "Use http://127.0.0.1, http://[::1] or http://localhost, or start the server with keys.";
  return { kind: "refused", problem: refusal("host_refused", why, remedy), headers: {} };
}

/** The sender's address; of IPv6 the network, which one sender has as a whole. */
export function addressOf({ socket: { remoteAddress = "" } }: IncomingMessage): string {
  if (isIP(remoteAddress) !== 6 || remoteAddress.startsWith("::ffff:")) return remoteAddress;
  const [head = "", tail] = remoteAddress.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").filter((group) => group !== "").length;
  return [...groups, ...Array.from({ length: missing }, () => "0")].slice(0, 4).join(":");
}
