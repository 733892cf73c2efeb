import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/** Which names a request may come by. */
export type Admission = {
  /** The address that is listened on. */
  readonly listenHost: string;
  /** Host names that are allowed besides loopback. */
  readonly allowedHosts: readonly string[];
};

/**
 * Why a request is refused, or undefined. MCP asks every HTTP server to check `Origin`: a page in a browser must not
 * reach a local server. On loopback `Host` is checked too, since a page whose name was rebound to 127.0.0.1 sends no
 * `Origin` with a GET, and since the upstream no longer sees the `Host` that the client used.
 */
export function refusal(headers: IncomingHttpHeaders, admission: Admission): string | undefined {
  const { origin, host } = headers;
  if (origin !== undefined && !isAllowed(hostOfOrigin(origin), admission)) return "The Origin is not allowed.";
  if (isLoopback(admission.listenHost) && !isAllowed(hostOfAuthority(host), admission)) {
    return "The Host is not allowed.";
  }
  return undefined;
}

/** Whether a name or address means this machine and nothing else. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

function isAllowed(host: string | undefined, { allowedHosts }: Admission): boolean {
  if (host === undefined) return false;
  return isLoopback(host) || allowedHosts.some((allowed) => allowed.toLowerCase() === host);
}

function hostOfOrigin(origin: string): string | undefined {
  // `null` and whatever else is no URL is an origin that nobody can vouch for.
  return URL.canParse(origin) ? new URL(origin).hostname.toLowerCase() : undefined;
}

function hostOfAuthority(host: string | undefined): string | undefined {
  if (host === undefined || /[/?#@\s]/.test(host)) return undefined;
  return hostOfOrigin(`http://${host}`);
}
